"""Paging by key: each page is asked for by the last key of the page before, so nothing that changes behind the reader matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from operator import lt
from typing import Any

from headwater_runtime.call import Place, Position
from headwater_runtime.errors import ContractError, require
from headwater_runtime.paging import COMPARE, Paging, Sizes, Step, largest, need, need_size, put
from headwater_runtime.records import MISSING, Row, lookup
from headwater_runtime.transport import Request, Response

__all__ = ["Keyset"]


@dataclass(frozen=True)
class Keyset(Paging):
    """The source sorts by the key at `path`, unique and ascending, and gives the records behind the key sent as `param`.

    The order is checked, not believed. Ends at the first page without a new key: a source that gives the record at the key
    once more is fine, unless pages hold one record only. `skip_param`, which counts records to leave out behind the key, lets
    the reader step over one that fails alone; it is always sent, 0 as a rule.
    """

    path: str
    param: str | Place
    size_param: str | Place | None = None
    size: int | Sizes | None = None
    skip_param: str | Place = ""

    durable = True
    reads_body = False

    def __post_init__(self) -> None:
        need("Keyset", "the path of the key in a record", self.path)
        need("Keyset", "the parameter that carries the key", self.param)
        need_size("Keyset", self.size_param, self.size)
        both = self.size_param or not self.skip_param
        require(both, "Keyset needs `size_param` with `skip_param`", hint="give both or neither in api.py")

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the key, the size and the number of records to leave out in their places."""
        key, left_out = _split(position)
        request = request if key is None else put(request, self.param, key)
        request = put(request, self.size_param, largest(self.size))
        return put(request, self.skip_param, left_out) if self.skip_param else request

    def after(self, position: Position | None, body: Any, records: Sequence[Row], response: Response) -> Step:  # noqa: ARG002
        """Go on behind the last key. Raises ContractError for keys that do not ascend from the one asked for."""
        key, _ = _split(position)
        if not records:
            return Step(key, more=False)
        name = self.path
        plain = not set(name) & set(".*?\\")
        keys = [record.get(name, MISSING) for record in records] if plain else [lookup(one, name) for one in records]
        again = keys[0] == key
        found = keys if key is None or again else [key, *keys]
        if not _ascend(found):
            if MISSING in keys or None in keys:
                raise ContractError(f"a record has no '{name}' to go on from", hint=COMPARE)
            hint = "Keyset needs a source that sorts by a unique key: sort by it in api.py, or page in another way"
            what = f"the records of a page do not ascend by '{name}' from the key that was asked for"
            raise ContractError(what, hint=hint)
        if again and len(keys) == 1:
            if largest(self.size) == 1:
                hint = "ask for records greater than the key, or give sizes above 1 in api.py"
                what = f"the source gives the record at a '{name}' once more, so that pages of one record never get on"
                raise ContractError(what, hint=hint)
            return Step(key, more=False)
        return Step(keys[-1], more=True)

    def skip(self, position: Position | None, count: int) -> Position | None:
        """Leave out more records behind the key, if there is a parameter for it."""
        key, left_out = _split(position)
        return [key, left_out + count] if self.skip_param else None


def _split(position: Position | None) -> tuple[Any, int]:
    """Return the key of a Keyset's position, and the records to leave out behind it."""
    return (position[0], int(position[1])) if isinstance(position, list) else (position, 0)


def _ascend(keys: list[Any]) -> bool:
    """Say whether keys ascend strictly: numbers, also written as text, by value; text by one of the orders in use."""
    if any(isinstance(key, bool) or not isinstance(key, (int, str)) for key in keys):
        return False
    try:
        if not isinstance(keys[-1], str):
            return all(map(lt, keys, islice(keys, 1, None)))
        numbers = [int(key) for key in keys] if all(str(key).isdecimal() for key in keys) else keys
        folded = [str(key).casefold() for key in keys]
        return any(all(map(lt, kind, kind[1:])) for kind in (numbers, keys, folded))
    except TypeError:
        return False
