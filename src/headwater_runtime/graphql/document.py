"""Reading a GraphQL query: what it declares and selects, so that one that cannot be paged is refused where it is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headwater_runtime.errors import ConfigError, require

__all__ = [
    "Field",
    "Operation",
    "Selection",
    "connections",
    "field_at",
    "in_selection",
    "is_connection",
    "operation",
    "tree",
    "variables_in",
]

TOKEN = re.compile(
    r'(?P<ignored>(?:[\s,\ufeff]|#[^\n\r]*)+)|"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*"'
    r"|[_A-Za-z][_0-9A-Za-z]*|-?\d[\w.+-]*|\.\.\.|[!$&()\[\]{}:=|@]"
)
HINT = "mend the query in api.py; a GraphQL explorer of the vendor shows what is wrong with it"
DEEPEST = 40  # levels of a query: what nests deeper is a fragment that spreads itself
DEEP = "a fragment of the query spreads itself, or it nests too deeply"
Arguments = Mapping[str, tuple[str, ...]]  # by name, the tokens of the value


@dataclass(frozen=True)
class Field:
    """One selected field: what the schema calls it, its arguments, what is selected in it.

    `variables` are those of its arguments and directives.
    """

    name: str = ""
    arguments: Arguments = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    fields: Mapping[str, Field] = field(default_factory=dict)


Selection = Mapping[str, Field]  # by the name in the answer, so that an alias counts


@dataclass(frozen=True)
class Operation:
    """The query of a document. `variables` says of each declared one whether a value must be given, `defaults` has those of the others."""

    name: str
    variables: Mapping[str, bool]
    fields: Selection
    defaults: Arguments = field(default_factory=dict)


def operation(document: str) -> Operation:
    """Return the one query of `document`, its fragments put in their places. Raises ConfigError for anything else."""
    reader = _Reader(document)
    try:
        found = reader.document()
    except RecursionError:
        raise ConfigError(DEEP, where=reader.where(0), hint=HINT) from None
    hint = "give each operation a text of its own; fragments are shared by adding their text"
    require(len(found) == 1, f"the document holds {len(found)} operations instead of one", reader.where(0), hint)
    kind, name, variables, items = found[0]
    require(kind == "query", f"the document holds a {kind}", reader.where(0), "only queries can be read")
    return Operation(name, variables, _merged(items, reader.fragments, 0), reader.defaults)


def field_at(selection: Selection, path: str) -> Field | None:
    """Return the field at a dotted path, `*` standing for the elements of a list; None if it is not asked for."""
    found = Field(fields=selection)
    for step in filter(None, path.split(".")):
        if step != "*":
            if step not in found.fields:
                return None
            found = found.fields[step]
    return found


def in_selection(selection: Selection, path: str) -> Selection | None:
    """Return what is selected at a dotted path, None if it is not asked for."""
    found = field_at(selection, path)
    return None if found is None else found.fields


def is_connection(selection: Selection) -> bool:
    """Say whether what selects this is a connection: it has `nodes`, `pageInfo`, or `edges` with their `node`, by any alias."""
    named = {one.name: one.fields for one in selection.values()}
    edges = named.get("edges", {})
    return "pageInfo" in named or bool(named.get("nodes")) or any(one.name == "node" for one in edges.values())


def connections(selection: Selection, before: str = "") -> Iterator[str]:
    """Yield the path of every connection. None within another."""
    for name, inner in selection.items():
        if is_connection(inner.fields):
            yield before + name
        else:
            yield from connections(inner.fields, f"{before}{name}.")


def variables_in(arguments: Arguments) -> frozenset[str]:
    """Return the variables used in the values of arguments."""
    values = arguments.values()
    return frozenset(value[at + 1] for value in values for at, token in enumerate(value) if token == "$")  # noqa: S105  (a token of the language)


def tree(selection: Selection) -> dict[str, object]:
    """Return the names that are selected, as a tree to compare."""
    return {name: tree(inner.fields) for name, inner in sorted(selection.items())}


@dataclass(frozen=True)
class _Spread:
    name: str


@dataclass(frozen=True)
class _Item:
    """A field as it is written, its fragments not yet put in; without a key: an inline fragment."""

    key: str
    name: str = ""
    arguments: Arguments = field(default_factory=dict)
    directives: frozenset[str] = frozenset()
    items: tuple[_Item | _Spread, ...] = ()


Items = tuple[_Item | _Spread, ...]


def _merged(items: Items, fragments: Mapping[str, Items], depth: int) -> dict[str, Field]:
    require(depth < DEEPEST, DEEP, "GraphQL query", HINT)
    found: dict[str, Field] = {}
    for item in items:
        if isinstance(item, _Spread):
            require(item.name in fragments, f"the fragment '{item.name}' is not in the document", "GraphQL query", HINT)
            inner = _merged(fragments[item.name], fragments, depth + 1)
        elif not item.key:
            inner = _merged(item.items, fragments, depth + 1)
        else:
            used = variables_in(item.arguments) | item.directives
            fields = _merged(item.items, fragments, depth + 1)
            inner = {item.key: Field(item.name, item.arguments, used, fields)}
        for key, one in inner.items():
            found[key] = _both(found[key], one) if key in found else one
    return found


def _both(one: Field, other: Field) -> Field:
    fields = dict(one.fields)
    for key, inner in other.fields.items():
        fields[key] = _both(fields[key], inner) if key in fields else inner
    return Field(one.name, one.arguments, one.variables | other.variables, fields)


class _Reader:
    """Reads the tokens of one document from left to right."""

    def __init__(self, document: str) -> None:
        self._tokens: list[tuple[str, int]] = []
        self.fragments: dict[str, Items] = {}
        self.defaults: dict[str, tuple[str, ...]] = {}
        self._at = at = 0
        while at < len(document):
            found = TOKEN.match(document, at)
            if found is None:
                self._tokens.append((document[at], document.count("\n", 0, at) + 1))
                raise self._wrong(f"'{document[at]}'", len(self._tokens) - 1)
            if found["ignored"] is None:
                self._tokens.append((found[0], document.count("\n", 0, at) + 1))
            at = found.end()

    def where(self, at: int) -> str:
        line = self._tokens[at][1] if at < len(self._tokens) else self._tokens[-1][1] if self._tokens else 1
        return f"GraphQL query, line {line}"

    def document(self) -> list[tuple[str, str, dict[str, bool], Items]]:
        found = []
        while self._at < len(self._tokens):
            kind = "query" if self._next() == "{" else self._take()
            if kind == "fragment":
                name = self._name()
                self._take("on")
                self._name()
                self._directives()
                self.fragments[name] = self._items()
                continue
            name = self._name() if self._is_name() else ""
            variables = self._declared() if self._next() == "(" else {}
            self._directives()
            found.append((kind, name, variables, self._items()))
        return found

    def _items(self) -> Items:
        self._take("{")
        items: list[_Item | _Spread] = []
        while self._next() != "}":
            items.append(self._item())
        self._take("}")
        return tuple(items)

    def _item(self) -> _Item | _Spread:
        if self._next() == "...":
            self._take()
            if self._is_name() and self._next() != "on":
                name = self._name()
                self._directives()
                return _Spread(name)
            if self._next() == "on":
                self._take()
                self._name()
            self._directives()
            return _Item("", items=self._items())
        key = name = self._name()
        if self._next() == ":":
            self._take()
            name = self._name()
        arguments, directives = self._arguments(), self._directives()
        return _Item(key, name, arguments, directives, self._items() if self._next() == "{" else ())

    def _directives(self) -> frozenset[str]:
        used = frozenset[str]()
        while self._next() == "@":
            self._take()
            self._name()
            used |= variables_in(self._arguments())
        return used

    def _arguments(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        if self._next() == "(":
            self._take()
            while self._next() != ")":
                name = self._name()
                self._take(":")
                found[name] = self._value()
            self._take()
        return found

    def _value(self) -> tuple[str, ...]:
        """Return the tokens of a value: one, a variable, or what is between a pair of brackets."""
        begin, depth = self._at, 0
        while True:
            token = self._take()
            depth += (token in {"[", "{"}) - (token in {"]", "}"})
            if token == "$":  # noqa: S105  (a token of the language)
                self._name()
            if not depth:
                return tuple(token for token, _ in self._tokens[begin : self._at])

    def _declared(self) -> dict[str, bool]:
        found: dict[str, bool] = {}
        self._take("(")
        while self._next() == "$":
            self._take()
            name = self._name()
            self._take(":")
            kind = []
            while self._next() not in {"$", ")", "=", "@", ""}:
                kind.append(self._take())
            found[name] = kind[-1:] == ["!"] and self._next() != "="
            if self._next() == "=":
                self._take()
                self.defaults[name] = self._value()
            self._directives()
        self._take(")")
        return found

    def _next(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _is_name(self) -> bool:
        return self._next()[:1].isalpha() or self._next()[:1] == "_"

    def _name(self) -> str:
        if not self._is_name():
            raise self._wrong(f"'{self._next()}'" if self._next() else "the end", self._at, "a name")
        return self._take()

    def _take(self, wanted: str = "") -> str:
        token = self._next()
        if not token or (wanted and token != wanted):
            raise self._wrong(f"'{token}'" if token else "the end", self._at, f"'{wanted}'" if wanted else "more")
        self._at += 1
        return token

    def _wrong(self, found: str, at: int, wanted: str = "something else") -> ConfigError:
        return ConfigError(f"a GraphQL query has {found} where {wanted} is due", where=self.where(at), hint=HINT)
