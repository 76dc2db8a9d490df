r"""Finding the records in a response body. A path that is not there is an error, never zero rows.

A path is dotted: a field's name, the number of a list's element, or `*` for every element of a list or value of an object.
`\.` is a dot in a name, `\*` a star. The last step of a records path may end in `?`: it may be absent or null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from headwater_runtime.errors import ContractError

__all__ = [
    "EACH",
    "MISSING",
    "Row",
    "absent",
    "every",
    "kind_of",
    "lookup",
    "not_an_object",
    "records_in",
    "select",
    "steps_of",
    "value_at",
]

Row = dict[str, Any]
Steps = tuple[str | None, ...]
EACH = None  # the step `*`


class _Missing:
    """The type of MISSING, which tells an absent field from one that holds null."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@lru_cache(maxsize=1024)
def steps_of(path: str) -> tuple[Steps, bool]:
    """Return the steps of `path`, and whether its last one may be absent."""
    optional = path.endswith("?") and not path.endswith("\\?")
    names = re.split(r"(?<!\\)\.", path[:-1] if optional else path) if path else []
    return tuple(EACH if name == "*" else re.sub(r"\\([.*?])", r"\1", name) for name in names), optional


def lookup(body: Any, path: str) -> Any:
    """Return the value at `path` ("" is the body itself), or MISSING; with `*` the first that is there."""
    steps, _ = steps_of(path)
    if EACH in steps:
        return next(_found(body, steps), MISSING)
    value = body
    for step in steps:
        value = _member(value, step)
        if value is MISSING:
            break
    return value


def every(body: Any, path: str) -> list[Any]:
    """Return all values at `path`, none if it is absent: more than one needs a `*` on the way."""
    return list(_found(body, steps_of(path)[0]))


def value_at(record: Any, path: str, default: Any = None) -> Any:
    """Return the value at `path` of a record, `default` if it is absent; a null that is there stays null."""
    value = lookup(record, path)
    return default if value is MISSING else value


def select(body: Any, path: str, where: str) -> list[Row]:
    """Return the list of records at `path` of `body`; behind a `*`, lists are joined and an object is a record.

    Raises ContractError if the path is absent, is not a list, or holds anything but objects: what a renamed field, an error
    answered with 200 or another version of an API look like.
    """
    steps, optional = steps_of(path)
    return records_in(body, steps, path, where, optional=optional)


def records_in(body: Any, steps: Steps, path: str, where: str, *, optional: bool, single: bool = False) -> list[Row]:
    """Return the records at `steps`, what is left of `path`, as `select` does. `single`: an object is a record."""
    found = body
    name = f"'{path}'" if path else "the body"
    for at, step in enumerate(steps):
        if step is EACH and isinstance(found, (dict, list)):
            elements = found.values() if isinstance(found, dict) else found
            rest = steps[at + 1 :]
            return [
                record
                for element in elements
                for record in records_in(element, rest, path, where, optional=optional, single=True)
            ]
        inside, found = found, MISSING if step is EACH else _member(found, step)
        if optional and at == len(steps) - 1 and (found is None or (found is MISSING and isinstance(inside, dict))):
            return []
        if found is MISSING:
            raise absent(name, inside, where)
    if single and isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        hint = "point `records=` in api.py at the list"
        raise ContractError(f"{name} should be a list of records but is {kind_of(found)}", where=where, hint=hint)
    if not set(map(type, found)) <= {dict}:
        raise not_an_object(*next(pair for pair in enumerate(found) if type(pair[1]) is not dict), name, where)
    return found


def not_an_object(index: int, record: Any, name: str, where: str) -> ContractError:
    """Return the error for a record that is none."""
    hint = "point `records=` in api.py at a list of objects"
    return ContractError(f"record {index} of {name} is {kind_of(record)}, not an object", where=where, hint=hint)


def kind_of(value: Any) -> str:
    """Say what a JSON value is."""
    if value is None:
        return "null"
    return {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(type(value), "a number")


def _member(value: Any, step: str | None) -> Any:
    if isinstance(value, dict):
        return value.get(step, MISSING)
    if isinstance(value, list) and step is not None and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return MISSING


def _found(value: Any, steps: Steps) -> Iterator[Any]:
    if not steps:
        yield value
    elif steps[0] is not EACH:
        member = _member(value, steps[0])
        if member is not MISSING:
            yield from _found(member, steps[1:])
    elif isinstance(value, (dict, list)):
        for element in value.values() if isinstance(value, dict) else value:
            yield from _found(element, steps[1:])


def absent(name: str, body: Any, where: str) -> ContractError:
    """Return the error for records that are not where they should be."""
    present = ", ".join(sorted(map(str, body))[:10]) if isinstance(body, dict) else kind_of(body)
    what = f"the records field {name} is not in the response, which holds: {present or 'nothing'}"
    hint = "the API changed or answered something else; compare `records=` in api.py with a response of today"
    return ContractError(what, where=where, hint=hint)
