"""Any Python value, turned into one the SDK's operations take and land without a silent change.

The SDK types an undeclared cell by its text, stores a Python float in 32 bits and raises on half of what JSON, databases
and files hold. What is done about each is said where it is done; the facts were seen by running SDK 3.0.0.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from headwater_runtime.errors import ContractError
from headwater_runtime.records import Row
from headwater_runtime.tables import ColumnType
from headwater_runtime.times import ISO, iso

__all__ = ["sdk_row", "sdk_value", "type_name"]

LONG_MAX = 2**63 - 1
INT_MAX = 2**31 - 1
TINY, HUGE = 1e-4, 1e16  # between them `repr` writes a float without an exponent
MILLISECONDS = 10**11  # an epoch beyond this is in milliseconds: as seconds it would lie after the year 5100

UNCHANGED = frozenset({str, bool, bytes, type(None)})  # what the SDK takes as it is when nothing is declared


def sdk_row(row: Row, columns: Mapping[str, ColumnType], where: str = "") -> Row:
    """Return `row` with each value as the SDK's operations take it. Raises ContractError naming the column."""
    landed, typed = row.copy(), bool(columns)
    for name, value in row.items():  # a row goes through here for each one that Fivetran gets: the usual values first
        kind = type(value)
        if typed and name in columns:
            landed[name] = _landed(name, value, columns[name], where)
        elif kind is str:
            pass
        elif kind is float:
            text = repr(value)
            if not TINY <= value < HUGE and ("e" in text or "n" in text):  # an exponent, nan or inf
                text = _inferred(value)
            landed[name] = text
        elif kind is int:
            if not -LONG_MAX <= value <= LONG_MAX:
                landed[name] = _inferred(value)
        elif kind not in UNCHANGED:
            landed[name] = _landed(name, value, None, where)
    return landed


def _landed(name: str, value: Any, declared: ColumnType | None, where: str) -> Any:
    try:
        return sdk_value(value, declared)
    except (ArithmeticError, TypeError, ValueError) as error:
        held = f"is declared {type_name(declared)} but holds {type(value).__name__} that does not fit it"
        hint = "declare a wider type in models.py (STRING takes anything), or convert the value in the row function"
        raise ContractError(f"column '{name}' {held}", where=where, hint=hint) from error


def sdk_value(value: Any, declared: ColumnType | None = None) -> Any:
    """Return `value` as the SDK's operations take it for a column of type `declared` (None: inferred from the value).

    Raises ArithmeticError, TypeError or ValueError for a value that does not fit the declared type.
    """
    if value is None:
        return None
    if declared is None:
        return _inferred(value)
    name = type_name(declared)
    if value == "" and name not in {"STRING", "JSON", "BINARY", "XML"}:
        return None  # an empty text in a typed column is how CSV and many APIs say null
    return _DECLARED[name](value)


def type_name(declared: ColumnType | None) -> str:
    """Return what a type is called, "nothing" for None."""
    if declared is None:
        return "nothing"
    return declared if isinstance(declared, str) else str(declared["type"])


def _inferred(value: Any) -> Any:
    if isinstance(value, (str, bool, bytes)):
        return value
    if isinstance(value, int):
        # Beyond 64 bits the SDK makes it a float and loses digits; as text it stays whole.
        return value if abs(value) <= LONG_MAX else str(value)
    if isinstance(value, float):
        return _float_text(value) if math.isfinite(value) else value
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return _json_value(value)
    return _scalar_text(value)


def _float_text(value: float) -> str:
    """Shortest exact text with a decimal point: the one spelling the SDK lands as an exact DOUBLE.

    Without the point it takes `1e+39` for text and `100` for an integer. (Its local destination reads magnitudes below
    2.3e-308 as 0.0, whatever their spelling.)
    """
    mantissa, exponent, power = repr(value).partition("e")
    return (mantissa if "." in mantissa else mantissa + ".0") + exponent + power


def _decimal_text(value: Decimal) -> str | float:
    """Text that lands as a DOUBLE if that holds the number, else exponent text without a point, which stays text, whole."""
    if not value.is_finite():
        return float("nan") if value.is_nan() else float(value)  # float() itself refuses a signalling NaN
    if Decimal(repr(float(value))) == value:
        return _float_text(float(value))
    sign, digits, exponent = value.as_tuple()
    return f"{'-' if sign else ''}{''.join(map(str, digits))}e{exponent}"


def _scalar_text(value: Any) -> str:
    if isinstance(value, datetime):
        return _utc_text(value) if value.tzinfo is not None else value.isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value).decode()
    return str(value)


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def _json_value(value: Any) -> Any:
    """Return `value` with nothing in it that JSON cannot hold: exact numbers stay numbers, the rest becomes text."""
    try:
        return _in_json(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _in_json(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _in_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_in_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_in_json(item) for item in value), key=repr)
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _scalar_text(value)


# -- Declared types ---------------------------------------------------------------------------------------------------

_TRUE = frozenset({"true", "t", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "off"})


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        text = value.strip().lower()
        if text not in _TRUE | _FALSE:
            raise ValueError("not a boolean word")
        return text in _TRUE
    if value not in (0, 1):
        raise ValueError("not 0 or 1")
    return bool(value)


def _integer(limit: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        number = Decimal(value.strip()) if isinstance(value, str) else value
        whole = int(number)
        if whole != number:
            raise ValueError("has a fraction")
        if not -limit - 1 <= whole <= limit:
            raise OverflowError("out of range")
        return whole

    return convert


def _decimal(value: Any) -> str:
    if isinstance(value, bool):
        raise TypeError("a boolean is not a number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("not a finite number")
    return format(number, "f")


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return json.dumps(_json_value(value), ensure_ascii=False)
    if isinstance(value, bytes):
        return value.decode()
    return repr(value) if isinstance(value, float) else _scalar_text(value)


def _binary(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(memoryview(value))


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _moment(value: Any) -> datetime:
    """Return a datetime, aware if the value says its zone. Numbers are seconds (or milliseconds) since 1970 in UTC."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  (a date has no zone to keep)
    if isinstance(value, bool):
        raise TypeError("a boolean is not a moment")
    if isinstance(value, (int, float, Decimal)):
        return _epoch(value)
    text = str(value).strip()
    return iso(text) if ISO.fullmatch(text) else _epoch(Decimal(text))


def _epoch(number: float | Decimal) -> datetime:
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    scale = 1000 if abs(exact) > MILLISECONDS else 1000_000
    return _EPOCH + timedelta(microseconds=int(exact * scale))


def _utc_datetime(value: Any) -> datetime:
    moment = _moment(value)
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


def _naive_datetime(value: Any) -> datetime:
    moment = _moment(value)
    return moment if moment.tzinfo is None else moment.astimezone(timezone.utc).replace(tzinfo=None)


def _naive_date(value: Any) -> str:
    return _moment(value).date().isoformat()


_DECLARED: Mapping[str, Callable[[Any], Any]] = {
    "BOOLEAN": _boolean,
    "SHORT": _integer(INT_MAX),
    "INT": _integer(INT_MAX),
    "LONG": _integer(LONG_MAX),
    "FLOAT": float,
    "DOUBLE": float,
    "DECIMAL": _decimal,
    "STRING": _string,
    "XML": _string,
    "JSON": _json_value,
    "BINARY": _binary,
    "UTC_DATETIME": _utc_datetime,
    "NAIVE_DATETIME": _naive_datetime,
    "NAIVE_DATE": _naive_date,
}
