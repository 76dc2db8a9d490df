"""What is checked of a GraphQL query where it is declared: all that would lose records without a word when it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from headwater_runtime.call import Part
from headwater_runtime.errors import require
from headwater_runtime.graphql.document import (
    Arguments,
    Field,
    Operation,
    Selection,
    connections,
    field_at,
    in_selection,
    is_connection,
    tree,
    variables_in,
)
from headwater_runtime.graphql.paging import Relay, connection_of, sent_by
from headwater_runtime.keyset import Keyset
from headwater_runtime.paging import NextToken, Offset, Single

if TYPE_CHECKING:
    from headwater_runtime.graphql.reader import GraphQL

__all__ = ["UP", "check_paged", "check_query"]

PLUMBING = frozenset({"node", "cursor", "__typename"})  # what an edge has beside fields of its own
UP = "^"  # under this name a nested record's part has what it is nested in: no GraphQL field is called so


def check_query(reader: GraphQL) -> None:
    """Raise ConfigError, naming what is missing, for a query that cannot be read to its end."""
    query, pages, where = reader.query, reader.pages, reader.where
    path = pages.records.removesuffix("?")
    hint = "give the path of the list in the answer: records='data.orders.nodes', or …'.edges.*.node'"
    require(path.startswith("data."), f"the records of a GraphQL query are not at '{path}'", where, hint)
    selection = in_selection(query.fields, path.removeprefix("data."))
    hint = "ask for it in the query, or mend `records=` in api.py; an alias counts"
    require(selection, f"the query does not ask for fields at '{path}'", where, hint)
    _check_variables(reader)
    _check_paging(reader, path)
    if isinstance(pages.paging, Keyset):
        asked = in_selection(selection or {}, pages.paging.path) is not None
        require(asked, f"the query does not ask for the key '{pages.paging.path}'", where, hint)
    _check_nested(reader, selection or {})


def check_paged(query: Operation, records: str, where: str) -> None:
    """Raise ConfigError if the records are a connection's: no paging was given for it."""
    above, tail = connection_of(records)
    inside = above.partition(".")[2]
    listed = tail.startswith(("nodes", "edges")) or is_connection(in_selection(query.fields, inside) or {})
    paged = inside and listed
    what = f"no paging is given for '{inside}', so all behind its first page would be lost"
    hint = "give paging=Relay(…) or another in api.py, or paging=Single() if one page is all you want"
    require(not paged, what, where, hint)


def _check_variables(reader: GraphQL) -> None:
    query, paging, where = reader.query, reader.pages.paging, reader.where
    sent = sent_by(paging)
    on_the_way = _variables_to(query.fields, reader.pages.records)
    for name in sent:
        hint = f"declare it, query …(${name}: …), and hand it to the connection: (…: ${name})"
        require(name in query.variables, f"the query has no variable '${name}', which its paging sends", where, hint)
        what = f"the query hands '${name}', which its paging sends, to nothing on the way to the records"
        require(name in on_the_way, what, where, hint)
    later = sent[:1] if isinstance(paging, (Relay, NextToken, Keyset)) else ()
    for name in later:
        what = f"the query's '${name}' must always be given, but the first page is asked for without it"
        require(not query.variables[name], what, where, "declare it without the '!'")
    unknown = sorted(set(reader.variables) - set(query.variables))
    require(
        not unknown, f"the query has no variable {', '.join(unknown)}", where, "declare it in the query, or drop it"
    )
    missing = sorted(name for name, must in query.variables.items() if must and name not in {*sent, *reader.variables})
    require(not missing, f"no value is given for {', '.join(missing)}", where, "give it in `variables=` in api.py")


def _check_paging(reader: GraphQL, path: str) -> None:
    """Raise ConfigError where the query does not ask for what leads from page to page."""
    paging, where = reader.pages.paging, reader.where
    above, tail = connection_of(path)
    inside = above.removeprefix("data").lstrip(".")
    found = field_at(reader.query.fields, inside) or Field()
    listed = is_connection(found.fields) and not isinstance(paging, Single)
    many = "*" in above.split(".") and (listed or isinstance(paging, (Relay, Offset)))
    hint = "nest it level by level: `nested=` in api.py has a reader for what is within a record"
    require(not many, f"'{path}' is many lists, not one", where, hint)
    for led in _leads(paging):
        hint = f"write the whole path, 'data.{led}', in api.py"
        require(
            led.startswith(("data.", "extensions.")), f"'{led}', which its paging reads, is in no answer", where, hint
        )
        asked = led.startswith("extensions.") or field_at(reader.query.fields, led.removeprefix("data."))
        require(asked, f"the query does not ask for '{led}', which its paging reads", where, "add it to the query")
    if listed:
        _check_edges(found.fields, tail, inside, where)
    if isinstance(paging, Relay):
        _check_page_info(found.fields, paging, inside, where)
        _check_end(_handed(found, reader), paging, f"'{inside}'", where)


def _leads(paging: Any) -> Iterator[str]:
    """Yield the paths of an answer by which a paging goes on."""
    names = ("more", "total", "total_pages") if isinstance(paging, Keyset) else ("path", "more", "total", "total_pages")
    yield from (led for name in names if isinstance(led := getattr(paging, name, None), str))


def _check_page_info(selection: Selection, paging: Relay, path: str, where: str) -> None:
    info = in_selection(selection, "pageInfo") or {}
    missing = [name for name in paging.page_info if name not in info]
    wanted = " ".join(paging.page_info)
    what = f"the query does not ask for {' and '.join(missing)} of '{path}'"
    require(not missing, what, where, f"add pageInfo {{ {wanted} }} to it")


def _check_edges(selection: Selection, tail: str, path: str, where: str) -> None:
    """Raise ConfigError for fields of the edges themselves where their nodes are the records."""
    edges = next((one.fields for one in selection.values() if one.name == "edges"), {})
    own = sorted(key for key, one in edges.items() if one.name not in PLUMBING)
    what = f"the query asks for {', '.join(own)} of each edge of '{path}', but its records are the nodes alone"
    hint = f"take the edges, '{path}.edges': their nodes are within; or drop it from the query"
    require(not own or tail == "edges", what, where, hint)


def _check_end(handed: Arguments, paging: Relay, path: str, where: str) -> None:
    """Raise ConfigError for a connection that is asked for from the end at which its paging does not begin."""
    wrong, end, way = ("first", "beginning", "backward") if paging.backward else ("last", "end", "forward")
    what = f"{path} is asked for from its {end}, but paged {way}: what is at the other end would be lost"
    hint = "ask for (last: …, before: …) with Relay(backward=True), for (first: …, after: …) without"
    require(wrong not in handed, what, where, hint)


def _handed(found: Field, reader: GraphQL) -> Arguments:
    """Return the arguments of a field as they are sent, without those to which nothing is given."""
    handed = {name: tuple(_filled(tokens, reader)) for name, tokens in found.arguments.items()}
    return {name: value for name, value in handed.items() if value}


def _filled(tokens: Sequence[str], reader: GraphQL) -> Iterator[str]:
    """Yield the tokens of a value, those of its variables in their places."""
    left = iter(tokens)
    for token in left:
        name = next(left) if token == "$" else ""  # noqa: S105  (a token of the language)
        if not name:
            yield token
        elif name in sent_by(reader.pages.paging):
            yield f"${name}"
        elif (value := reader.variables.get(name)) is not None:
            yield json.dumps(value, default=repr)
        else:
            yield from reader.query.defaults.get(name, ())


def _check_nested(reader: GraphQL, selection: Selection) -> None:
    where = reader.where
    for path, inner in reader.nested.items():
        chosen = in_selection(selection, path)
        hint = "name the list as the query does: nested={'lines.nodes': …}"
        require(chosen, f"the query does not ask for '{path}' of a record", where, hint)
        if inner is not None:
            _check_inner(reader, selection, path, inner)
    paged = {connection_of(path)[0].replace(".*", "") for path in reader.nested}
    for path in connections(selection):
        what = f"nothing pages '{path}' of a record, so all behind its first page would be lost"
        hint = f"give its reader, nested={{'{path}.nodes': …}}, or None there if the first page is all you want"
        require(path in paged, what, where, hint)


def _check_inner(reader: GraphQL, selection: Selection, path: str, inner: GraphQL) -> None:
    where, (above, tail) = reader.where, connection_of(path)
    records, paging = inner.pages.records.removesuffix("?"), inner.pages.paging
    what = f"the records nested at '{path}' are at '{records}' in their own query"
    require(tail == connection_of(records)[1], what, where, "page both by nodes, or both by edges")
    what = f"the reader of '{path}' asks for all at once, so it would never be asked for more"
    require(not isinstance(paging, Single), what, where, "give it a `paging=`")
    what = f"'{records}' is many lists, not one"
    require("*" not in connection_of(records)[0], what, where, "nest it level by level")
    here = field_at(selection, above) or Field()
    _check_lead(selection, above, inner, where)
    _check_edges(here.fields, tail, above, where)
    if isinstance(paging, Relay):
        _check_page_info(here.fields, paging, above.replace(".*", ""), where)
        _check_end(_handed(here, reader), paging, f"'{above}' of a record", where)
    _check_alike(reader, here, path, inner)
    one = tree(in_selection(selection, path) or {})
    other = tree(in_selection(inner.query.fields, records.removeprefix("data.")) or {})
    odd = sorted(one.keys() ^ other.keys()) or sorted(name for name in one if one[name] != other[name])
    what = f"a record nested at '{path}' is not asked for as in its own query: they differ in {', '.join(odd)}"
    require(not odd, what, where, "write its fields once, as a fragment, and add its text to both queries")
    part = selection if "*" not in above else in_selection(selection, above.rpartition(".*")[0]) or {}
    for bound in inner.bounds:
        if isinstance(bound, Part) and bound.path.partition(".")[0] != UP:
            asked = in_selection(part, bound.path) is not None
            what = f"the reader of '{path}' needs '{bound.path}' of the record it is nested in, which is not asked for"
            require(asked, what, where, "add it to the query")


def _check_lead(selection: Selection, above: str, inner: GraphQL, where: str) -> None:
    """Raise ConfigError where what came with the record does not say how to go on."""
    own = connection_of(inner.pages.records)[0]
    for led in _leads(inner.pages.paging):
        beside = led.removeprefix(f"{own}.")
        asked = beside != led and field_at(selection, f"{above}.{beside}") is not None
        what = f"'{led}' is not asked for in '{above}' of a record, by which its reader goes on"
        require(asked, what, where, f"ask for it beside the records, in '{own}' and in '{above}'")


def _check_alike(reader: GraphQL, here: Field, path: str, inner: GraphQL) -> None:
    """Raise ConfigError for a list that is filtered or sorted in another way where it is read on. A root's is another field."""
    own_path = connection_of(inner.pages.records)[0].removeprefix("data.")
    own = field_at(inner.query.fields, own_path)
    if own is None or own.name != here.name or "." not in own_path:
        return
    one, other = _handed(here, reader), _handed(own, inner)
    moving = {name for name, value in inner.variables.items() if isinstance(value, Part)}.union(
        sent_by(inner.pages.paging)
    )
    free = {name for name, tokens in own.arguments.items() if variables_in({name: tokens}) & moving}
    free |= {name for handed in (one, other) for name, value in handed.items() if "".join(value).isdecimal()}
    odd = sorted(name for name in {*one, *other} - free if _bare(one.get(name)) != _bare(other.get(name)))
    what = f"the list nested at '{path}' is not asked for as in its own query: they differ in {', '.join(odd)}"
    require(not odd, what, reader.where, "give both the same filters and order; the size of a page may differ")


def _bare(tokens: Sequence[str] | None) -> list[str]:
    """Return tokens without the quotes that tell a text from a choice: a variable's value is written in the one way."""
    return [token.strip('"') for token in tokens or ()]


def _variables_to(selection: Selection, path: str) -> frozenset[str]:
    """Return the variables used by the fields on the way to the records."""
    used = frozenset[str]()
    for step in path.removesuffix("?").removeprefix("data.").split("."):
        if step in selection:
            used |= selection[step].variables
            selection = selection[step].fields
    return used
