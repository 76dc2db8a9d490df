"""One condition of a query: checked against what its parameter allows, and turned into a test of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

__all__ = ["Condition", "QueryError", "allowed", "parse"]

EVERY = ("Is", "IsNot", "IsAnyOf", "IsNoneOf", "In", "NotIn", "IsKnown", "IsNotKnown", "IsSet", "IsNotSet")
ORDER = ("LessThan", "LessThanOrEqual", "GreaterThan", "GreaterThanOrEqual", "Between")
WHEN = ("Before", "After", "OnOrBefore", "OnOrAfter", "Between")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "Int": EVERY + ORDER,
    "Decimal": EVERY + ORDER,
    "String": (*EVERY, "Contains", "StartsWith", "EndsWith", "Matches"),
    "Date": EVERY + WHEN,
    "DateTime": EVERY + WHEN + ORDER[:4],
    "Boolean": ("IsTrue", "IsFalse", "Is", "IsNot"),
}
VALUELESS = ("IsKnown", "IsNotKnown", "IsSet", "IsNotSet", "IsTrue", "IsFalse")
MANY = ("IsAnyOf", "IsNoneOf", "In", "NotIn")
SAME = {
    "Before": "LessThan",
    "After": "GreaterThan",
    "OnOrBefore": "LessThanOrEqual",
    "OnOrAfter": "GreaterThanOrEqual",
}
RELATIVE = re.compile(r"(\d+) (Day|Week|Month|Year)s? Ago", re.IGNORECASE)
UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}


class QueryError(Exception):
    """The query is not one the API takes. `field` is the part of the body that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Condition(NamedTuple):
    """`field` of a record, its type, and the operator with its values, dates among them as moments."""

    kind: str
    field: str
    operator: str
    values: tuple[Any, ...]

    def test(self, value: Any) -> bool:
        """Tell whether a record with `value` is meant."""
        if self.operator in {"IsKnown", "IsSet"}:
            return value not in (None, "")
        if self.operator in {"IsNotKnown", "IsNotSet"}:
            return value in (None, "")
        if self.operator in {"IsTrue", "IsFalse"}:
            return bool(value) is (self.operator == "IsTrue")
        if value is None:
            return self.operator in {"IsNot", "IsNoneOf", "NotIn"}
        return TESTS[self.operator](self._comparable(value), self.values)

    def bounds(self) -> tuple[Any, Any] | None:
        """Return the closed range of values that is meant, None for an open end; None when it is no range."""
        if not self.values or self.operator not in {"Is", *ORDER} or self.kind == "String":
            return None
        first = self.values[0]
        step = timedelta(days=1) if self.kind == "Date" else timedelta(microseconds=1) if self.kind == "DateTime" else 1
        return {
            "Is": (first, first),
            "LessThan": (None, first - step),
            "LessThanOrEqual": (None, first),
            "GreaterThan": (first + step, None),
            "GreaterThanOrEqual": (first, None),
            "Between": (first, self.values[-1]),
        }[self.operator]

    def _comparable(self, value: Any) -> Any:
        if self.kind not in {"Date", "DateTime"}:
            return value
        return _moment(value, day=self.kind == "Date")


TESTS: Mapping[str, Callable[[Any, tuple[Any, ...]], bool]] = {
    "Is": lambda value, given: value == given[0],
    "IsNot": lambda value, given: value != given[0],
    "IsAnyOf": lambda value, given: value in given,
    "In": lambda value, given: value in given,
    "IsNoneOf": lambda value, given: value not in given,
    "NotIn": lambda value, given: value not in given,
    "LessThan": lambda value, given: value < given[0],
    "LessThanOrEqual": lambda value, given: value <= given[0],
    "GreaterThan": lambda value, given: value > given[0],
    "GreaterThanOrEqual": lambda value, given: value >= given[0],
    "Between": lambda value, given: given[0] <= value <= given[-1],
    "Contains": lambda value, given: given[0].lower() in value.lower(),
    "StartsWith": lambda value, given: value.lower().startswith(given[0].lower()),
    "EndsWith": lambda value, given: value.lower().endswith(given[0].lower()),
    "Matches": lambda value, given: given[0].lower() == value.lower(),
}


def allowed(kind: str) -> list[dict[str, Any]]:
    """Return the operators of a type as the options endpoint lists them."""
    return [
        {"operator": one, "multipleValuesAllowed": one in MANY, "valueRequired": one not in VALUELESS}
        for one in OPERATORS[kind]
    ]


def parse(asked: Any, parameters: Mapping[str, tuple[str, str]], now: datetime) -> Condition:
    """Return the condition that `asked` states; QueryError for a parameter, operator or value that is not allowed."""
    if not isinstance(asked, dict) or str(asked.get("parameter")) not in parameters:
        raise QueryError("parameter", "The parameter is not one of this query; see its QueryOptions.")
    kind, field = parameters[asked["parameter"]]
    operator = str(asked.get("operator"))
    if operator not in OPERATORS[kind]:
        raise QueryError("operator", f"The operator does not fit a parameter of type {kind}.")
    if operator in VALUELESS:
        return Condition(kind, field, operator, ())
    if operator in MANY:
        given = asked.get("values") or [asked.get("value")]
    elif operator == "Between":
        given = [asked.get("value"), asked.get("secondaryValue")]
    else:
        given = [asked.get("value")]
    try:
        values = tuple(_value(kind, one, now) for one in given)
    except (TypeError, ValueError, AttributeError) as error:
        raise QueryError("value", f"The value is not of type {kind}.") from error
    return Condition(kind, field, SAME.get(operator, operator), values)


def _value(kind: str, given: Any, now: datetime) -> Any:
    if given is None:
        raise ValueError
    if kind == "Int":
        return int(given)
    if kind == "Decimal":
        return float(given)
    if kind == "Boolean":
        return {"true": True, "false": False}[str(given).lower()]
    if kind == "String":
        return str(given)
    if ago := RELATIVE.fullmatch(given.strip()):
        moment = now - timedelta(days=int(ago[1]) * UNITS[ago[2].lower()])
        return moment.replace(hour=0, minute=0, second=0, microsecond=0) if kind == "Date" else moment
    if "/" in given:
        return datetime.strptime(given, "%m/%d/%Y").replace(tzinfo=timezone.utc)
    return _moment(given, day=kind == "Date")


def _moment(text: str, *, day: bool) -> datetime:
    # Python 3.10 reads fractions of three or six digits only; the API writes as many as there are.
    head, _, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(head).replace(tzinfo=timezone.utc)
    if day:
        return moment.replace(hour=0, minute=0, second=0)
    return moment.replace(microsecond=int(fraction[:6].ljust(6, "0")) if fraction else 0)
