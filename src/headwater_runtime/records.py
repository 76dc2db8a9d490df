"""Finding the records in a response body. A path that is not there is an error, never zero rows."""

from __future__ import annotations

from typing import Any

from headwater_runtime.errors import ContractError

__all__ = ["MISSING", "Row", "lookup", "select"]

Row = dict[str, Any]


class _Missing:
    """The type of MISSING, which tells an absent field from one that holds null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


def lookup(body: Any, path: str) -> Any:
    """Return the value at dotted `path` ("" is the body itself), or MISSING."""
    value = body
    for step in path.split(".") if path else ():
        if not isinstance(value, dict) or step not in value:
            return MISSING
        value = value[step]
    return value


def select(body: Any, path: str, where: str) -> list[Row]:
    """Return the list of records at dotted `path` of `body`.

    Raises ContractError if the path is absent, is not a list, or holds anything but objects: what a renamed field, an error
    answered with 200 or another version of an API look like.
    """
    found = lookup(body, path)
    name = f"'{path}'" if path else "the body"
    if found is MISSING:
        present = ", ".join(sorted(map(str, body))[:10]) if isinstance(body, dict) else f"a {type(body).__name__}"
        raise ContractError(
            f"the records field {name} is not in the response, which holds: {present or 'nothing'}",
            where=where,
            hint="the API changed or answered something else; compare `records=` in api.py with a response of today",
        )
    if not isinstance(found, list):
        raise ContractError(
            f"{name} should be a list of records but is {_kind(found)}",
            where=where,
            hint="point `records=` in api.py at the list",
        )
    for index, record in enumerate(found):
        if not isinstance(record, dict):
            raise ContractError(f"record {index} of {name} is {_kind(record)}, not an object", where=where)
    return found


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(type(value), "a number")
