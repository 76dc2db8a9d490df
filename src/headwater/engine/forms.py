"""The forms in which a column's values wait: each is one Arrow type, and from each the source's own text can be had again."""

from __future__ import annotations

from enum import Enum

__all__ = ["Form"]


class Form(Enum):
    """How a column keeps its values. Each is an Arrow array; the comment says of what."""

    INT = "int"  # int64
    BOOL = "bool"  # bool
    REAL = "real"  # float64, from numbers the SDK would get as decimal text
    FLOAT = "float"  # float64, from the SDK's float cells (32 bits on Fivetran)
    DOUBLE = "double"  # float64, from the SDK's double cells
    TEXT = "text"  # string
    JSON = "json"  # string, JSON text
    BINARY = "binary"  # binary
    DECIMAL = "decimal"  # decimal128, of a column declared so
    DATE = "date"  # date32
    NAIVE = "naive"  # timestamp[us], written with a T and a fraction of no or six digits
    UTC = "utc"  # timestamp[us, UTC], written likewise, with a Z
    INSTANT = "instant"  # timestamp[us, UTC], written as the SDK does where it is declared: the fraction may have three digits
    CELLS = "cells"  # binary, the SDK's cells as they are: values of several kinds
