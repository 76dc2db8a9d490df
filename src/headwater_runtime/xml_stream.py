"""The records of one XML document of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat

from headwater_runtime.records import EACH, Row, absent, steps_of

__all__ = ["xml_records"]

STEP = 1 << 16  # bytes read at once
LARGEST = 64_000_000  # bytes of one record
DEEPEST = 200  # elements within each other


def xml_records(file: IO[bytes], path: str, where: str) -> Iterator[list[Row]]:
    """Yield the elements at `path`, "" being the root, some at a time. The element around them must be there.

    Raises ContractError for a path that is not there, expat.ExpatError or ValueError for what is not XML to its end.
    """
    tree = _Tree(path)
    held = 0  # bytes that neither a record nor the way to one has come out of
    while data := file.read(max(STEP, held)):  # more each time: expat begins a long token anew with each part of it
        tree.parser.Parse(data, False)
        held = 0 if tree.found or (tree.moved and not tree.inside) else held + len(data)
        tree.moved = False
        if held > LARGEST:
            raise ValueError(f"an element is longer than {LARGEST / 1e6:,.0f} MB")
        if tree.found:
            yield tree.found
            tree.found = []
    tree.parser.Parse(b"", True)
    if not tree.around:
        raise absent(f"'{path}'", dict.fromkeys(tree.names), where)
    yield tree.found


class _Tree:
    """Builds the elements at the path, and nothing else of the document."""

    def __init__(self, path: str) -> None:
        steps, optional = steps_of(path)
        self.steps = steps or (EACH,)
        self.around = optional or len(self.steps) == 1  # the element that holds the records has been seen
        self.found: list[Row] = []
        self.moved = False  # an element began or ended
        self.names: dict[str, None] = {}  # of the root and its children: what a message can tell
        self.open: list[str] = []
        self.inside: list[tuple[Row, list[str]]] = []  # of a record and the open elements in it: members and text
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = _refuse
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.open.append(name)
        self.moved = True
        depth = len(self.open)
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        if depth <= 2 and len(self.names) < 10:
            self.names[name] = None
        if self.inside or self._fits(self.steps):
            self.inside.append(({f"@{key}": value for key, value in attributes.items()}, []))
        elif not self.around:
            self.around = self._fits(self.steps[:-1])

    def _fits(self, steps: Any) -> bool:
        return len(self.open) == len(steps) and all(
            step in (EACH, name) for step, name in zip(steps, self.open, strict=True)
        )

    def text(self, text: str) -> None:
        if self.inside:
            self.inside[-1][1].append(text)

    def end(self, name: str) -> None:
        self.open.pop()
        self.moved = True
        if not self.inside:
            return
        members, pieces = self.inside.pop()
        text = "".join(pieces).strip()
        if not self.inside:
            self.found.append({**members, "#text": text} if text else members)
            return
        value: Any = ({**members, "#text": text} if text else members) if members else text or None
        around = self.inside[-1][0]
        if name not in around:
            around[name] = value
        elif isinstance(around[name], list):
            around[name].append(value)
        else:
            around[name] = [around[name], value]


def _refuse(*_: Any) -> None:
    raise ValueError("a document type declaration is refused")
