"""What is checked of a GraphQL query where it is declared: all that would lose records without a word when it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater_runtime.call import Part
from headwater_runtime.errors import require
from headwater_runtime.graphql.document import Operation, Selection, connections, in_selection, tree
from headwater_runtime.graphql.paging import Relay, connection_of, sent_by
from headwater_runtime.keyset import Keyset
from headwater_runtime.paging import NextToken, Single

if TYPE_CHECKING:
    from headwater_runtime.graphql.reader import GraphQL

__all__ = ["UP", "check_paged", "check_query"]

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
    _check_paging(query, pages.paging, path, where)
    if isinstance(pages.paging, Keyset):
        asked = in_selection(selection or {}, pages.paging.path) is not None
        require(asked, f"the query does not ask for the key '{pages.paging.path}'", where, hint)
    _check_nested(reader, selection or {})


def check_paged(query: Operation, records: str, where: str) -> None:
    """Raise ConfigError if the records are a connection's: no paging was given for it."""
    above, tail = connection_of(records)
    inside = above.partition(".")[2]
    paged = inside and (
        tail.startswith(("nodes", "edges")) or in_selection(query.fields, f"{inside}.pageInfo") is not None
    )
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


def _check_paging(query: Operation, paging: Any, path: str, where: str) -> None:
    """Raise ConfigError where the query does not ask for what leads from page to page."""
    if isinstance(paging, Relay):
        _check_page_info(query.fields, paging, connection_of(path)[0].removeprefix("data").lstrip("."), where)
    for name in ("path", "more", "total", "total_pages"):
        led = getattr(paging, name, None)
        if isinstance(led, str) and led.startswith("data."):
            asked = in_selection(query.fields, led.removeprefix("data.")) is not None
            require(asked, f"the query does not ask for '{led}', which its paging reads", where, "add it to the query")


def _check_page_info(selection: Selection, paging: Relay, path: str, where: str) -> None:
    info = in_selection(selection, f"{path}.pageInfo") or {}
    missing = [name for name in paging.page_info if name not in info]
    wanted = " ".join(paging.page_info)
    what = f"the query does not ask for {' and '.join(missing)} of '{path}'"
    require(not missing, what, where, f"add pageInfo {{ {wanted} }} to it")


def _check_nested(reader: GraphQL, selection: Selection) -> None:
    where = reader.where
    for path, inner in reader.nested.items():
        chosen = in_selection(selection, path)
        hint = "name the list as the query does: nested={'lines.nodes': …}"
        require(chosen, f"the query does not ask for '{path}' of a record", where, hint)
        if inner is not None:
            _check_inner(where, selection, path, inner)
    paged = {connection_of(path)[0].replace(".*", "") for path in reader.nested}
    for path in connections(selection):
        what = f"nothing pages '{path}' of a record, so all behind its first page would be lost"
        hint = f"give its reader, nested={{'{path}.nodes': …}}, or None there if the first page is all you want"
        require(path in paged, what, where, hint)


def _check_inner(where: str, selection: Selection, path: str, inner: GraphQL) -> None:
    above, tail = connection_of(path)
    records, paging = inner.pages.records, inner.pages.paging
    what = f"the records nested at '{path}' are at '{records}' in their own query"
    require(tail == connection_of(records)[1], what, where, "page both by nodes, or both by edges")
    what = f"the reader of '{path}' asks for all at once, so it would never be asked for more"
    require(not isinstance(paging, Single), what, where, "give it a `paging=`")
    require(
        "*" not in connection_of(records)[0], f"'{records}' is many lists, not one", where, "nest it level by level"
    )
    if isinstance(paging, Relay):
        _check_page_info(selection, paging, above.replace(".*", ""), where)
    here = tree(in_selection(selection, path) or {})
    own = tree(in_selection(inner.query.fields, records.removesuffix("?").removeprefix("data.")) or {})
    odd = sorted(here.keys() ^ own.keys()) or sorted(name for name in here if here[name] != own[name])
    what = f"a record nested at '{path}' is not asked for as in its own query: they differ in {', '.join(odd)}"
    require(not odd, what, where, "write its fields once, as a fragment, and add its text to both queries")
    part = selection if "*" not in above else in_selection(selection, above.rpartition(".*")[0]) or {}
    for bound in inner.bounds:
        if isinstance(bound, Part) and bound.path.partition(".")[0] != UP:
            asked = in_selection(part, bound.path) is not None
            what = f"the reader of '{path}' needs '{bound.path}' of the record it is nested in, which is not asked for"
            require(asked, what, where, "add it to the query")


def _variables_to(selection: Selection, path: str) -> frozenset[str]:
    """Return the variables used by the fields on the way to the records."""
    used = frozenset[str]()
    for step in path.removesuffix("?").removeprefix("data.").split("."):
        if step in selection:
            used |= selection[step].variables
            selection = selection[step].fields
    return used
