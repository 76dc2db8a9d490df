"""Values as the SDK encodes them: a cell is a byte that says what kind of value follows, and the value's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fivetran_connector_sdk_cli.type_coercion import encode_row_data
from fivetran_connector_sdk_core import DataType
from fivetran_connector_sdk_core.constants import CELL_NULL

from headwater_runtime.tables import ColumnType
from headwater_runtime.values import sdk_row, sdk_value

__all__ = ["NULL", "Cell", "Cells", "Encoding"]

Cells = Mapping[str, bytes]
NULL = bytes([CELL_NULL])


class Cell(bytes):
    """A value of a row that is encoded already, among others that are not."""


@dataclass(frozen=True)
class Encoding:
    """How the values of a table's rows become cells.

    `data_types` are the SDK's types of declared columns. `columns` are the runtime's: values go by its rules first; None:
    they are a hand-written connector's, and go by the SDK's alone.
    """

    data_types: Mapping[str, DataType]
    columns: Mapping[str, ColumnType] | None = None
    where: str = field(default="", compare=False)

    def row(self, row: Mapping[str, Any]) -> Cells:
        """Return a row's cells. Raises what the SDK raises for a value, or the runtime's ContractError."""
        if self.columns is not None:
            row = sdk_row(dict(row), self.columns, self.where)
        open_values = {name: value for name, value in row.items() if type(value) is not Cell}
        cells: Cells = encode_row_data(self.data_types, open_values)
        return cells if len(cells) == len(row) else {name: cells.get(name, value) for name, value in row.items()}

    def column(self, values: Sequence[Any], name: str) -> list[bytes]:
        """Return a column's cells; raises like `row`."""
        if self.columns is not None:
            values = self._by_runtime(values, name)
        open_values = {index: value for index, value in enumerate(values) if type(value) is not Cell}
        cells = encode_row_data(_Same(self.data_types.get(name)), open_values)
        return [cells.get(index, value) for index, value in enumerate(values)]

    def _by_runtime(self, values: Sequence[Any], name: str) -> list[Any]:
        assert self.columns is not None  # noqa: S101  (asked by the caller)
        declared = self.columns.get(name)
        try:
            return [sdk_value(value, declared) for value in values]
        except (ArithmeticError, TypeError, ValueError):  # once more, with an error that names the column
            return [sdk_row({name: value}, self.columns, self.where)[name] for value in values]


class _Same(dict[Any, Any]):
    """Types of columns: all the same one. The SDK encodes a mapping, and here its keys are the places of one column's values."""

    def __init__(self, kind: DataType | None) -> None:
        super().__init__()
        self._kind = kind

    def get(self, _key: Any, default: Any = None) -> Any:
        return default if self._kind is None else self._kind
