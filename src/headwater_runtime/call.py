"""A request as data: a Call is written once, and filled for each Slice of a stream that is read.

A value of a Call may be a *bound* (`Start`, `End`, `UpTo`, `Part`) or any function of the slice. Paging and auth put their
values into *places* of the finished request (`Query`, `Header`, `Body`, `Form`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from headwater_runtime.errors import ContractError, require
from headwater_runtime.records import MISSING, lookup
from headwater_runtime.times import zone_named
from headwater_runtime.transport import Request

__all__ = [
    "WHOLE",
    "Body",
    "Call",
    "End",
    "Form",
    "Header",
    "Part",
    "Place",
    "Position",
    "Query",
    "Slice",
    "Start",
    "UpTo",
]

Position = str | int | list[Any]  # a JSON value after which reading can go on; None, where it may be, is the beginning
FIELD = re.compile(r"\{([^{}]*)\}")
EPOCHS = frozenset({"epoch", "epoch_ms"})
ABSENT = object()  # a bound that has no value in this slice


@dataclass(frozen=True)
class Slice:
    """What one reading covers: a part (the parent's record or the list's entry), a window as sent, and where to go on in it.

    `ordered`: its cursor needs the records in the order of their time, of a source that sorts as it is asked to.
    """

    part: Mapping[str, Any] = field(default_factory=dict, hash=False)
    start: datetime | None = None
    end: datetime | None = None
    up_to: int | None = None
    at: Position | None = field(default=None, hash=False)
    ordered: bool = False


WHOLE = Slice()


@dataclass(frozen=True)
class Start:
    """The beginning of the slice's window. `format` is strftime's, "epoch" or "epoch_ms"; "" is ISO 8601.

    `zone` is the one whose time is written, "" is UTC: a strftime format tells what the clocks there show, ISO 8601 that
    with its offset (Z for UTC). A text without an offset means two moments in the hour that the clocks run twice. Whichever
    the source takes, a Start is then no later than the slice's and an End no earlier: it may be an hour too far out.
    """

    format: str = ""
    zone: str = ""

    def __post_init__(self) -> None:
        if self.zone:
            what, hint = f"'{self.format}' is the same in every zone", "drop `zone=` in api.py"
            require(self.format not in EPOCHS, what, f"zone '{self.zone}'", hint)
            _ = zone_named(self.zone, type(self).__name__)

    def __call__(self, at: Slice) -> str | int | None:
        """Return the bound as the source wants it, None where the slice has none."""
        return self._written(at.start)

    def _written(self, moment: datetime | None) -> str | int | None:
        if moment is None:
            return None
        if self.format in EPOCHS:
            return int(moment.timestamp() * (1000 if self.format == "epoch_ms" else 1))
        if not self.zone or self.zone == "UTC":
            return moment.strftime(self.format) if self.format else _text(moment)
        local = moment.astimezone(zone_named(self.zone, type(self).__name__))
        if not self.format:
            return local.isoformat()
        return (local if "%z" in self.format else self._outside(local)).strftime(self.format)

    def _outside(self, local: datetime) -> datetime:
        """Return `local`; of a time that comes twice, its first one, an hour before, which no source can take for the second."""
        return local if local.fold else _moved(local, -_repeated(local))


@dataclass(frozen=True)
class End(Start):
    """The end of the slice's window, in a `format` and a `zone` like those of Start."""

    def __call__(self, at: Slice) -> str | int | None:
        """Return the bound as the source wants it, None where the slice has none."""
        return self._written(at.end)

    def _outside(self, local: datetime) -> datetime:
        return _moved(local, _repeated(local)) if local.fold else local


def _repeated(local: datetime) -> timedelta:
    """Return by how much the clocks are put back if the time that `local` shows comes twice, else nothing."""
    first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return first - second if first is not None and second is not None else timedelta(0)


def _moved(local: datetime, by: timedelta) -> datetime:
    return (local.astimezone(timezone.utc) + by).astimezone(local.tzinfo)


@dataclass(frozen=True)
class UpTo:
    """The highest id of the slice."""

    def __call__(self, at: Slice) -> int | None:
        """Return the id, None where the slice has none."""
        return at.up_to


@dataclass(frozen=True)
class Part:
    """The value at dotted `path` of the slice's part."""

    path: str

    def __call__(self, at: Slice) -> Any:
        """Return the value. Raises ContractError if the part has no such field."""
        value = lookup(at.part, self.path)
        if value is MISSING:
            hint = "compare the `{…}` and Part(…) of the call in api.py with the records of the stream in `per=`"
            raise ContractError(f"a part has no '{self.path}'", hint=hint)
        return value


@dataclass(frozen=True)
class Query:
    """A parameter of the query string."""

    name: str

    def put(self, request: Request, value: Any) -> Request:
        """Return `request` with the value in its place."""
        return replace(request, params={**request.params, self.name: _text(value)})


@dataclass(frozen=True)
class Header:
    """A header, of a request or of an answer."""

    name: str

    def put(self, request: Request, value: Any) -> Request:
        """Return `request` with the value in its place."""
        return replace(request, headers={**request.headers, self.name: _text(value)})


@dataclass(frozen=True)
class Form:
    """A field of a form body."""

    name: str

    def put(self, request: Request, value: Any) -> Request:
        """Return `request` with the value in its place."""
        fields = {**dict(parse_qsl((request.body or b"").decode(), keep_blank_values=True)), self.name: _text(value)}
        return replace(request, body=urlencode(fields).encode())


@dataclass(frozen=True)
class Body:
    """A value at dotted `path` of a JSON body; objects on the way are made, elements of lists must be there."""

    path: str

    def put(self, request: Request, value: Any) -> Request:
        """Return `request` with the value in its place."""
        whole = json.loads(request.body or b"{}")
        *steps, last = self.path.split(".")
        holder = whole
        for step in steps:
            holder = holder[int(step)] if isinstance(holder, list) else holder.setdefault(step, {})
        holder[int(last) if isinstance(holder, list) else last] = value
        return replace(request, body=json.dumps(whole).encode())

    def fits(self, template: Any) -> bool:
        """Say whether a value can be put into `template`: every list on the path has the element."""
        for step in self.path.split("."):
            if isinstance(template, (list, tuple)):
                if not (step.isdigit() and int(step) < len(template)):
                    return False
                template = template[int(step)]
            else:
                template = template.get(step) if isinstance(template, Mapping) else None
        return True


Place = Query | Header | Body | Form


@dataclass(frozen=True)
class Call:
    """One request: `{field}` of the path is filled from the slice's part, percent-quoted; every other value as it is given.

    A parameter that is None is left out, and so is a bound without a value: with the whole object or list around it where
    that is an element of a JSON list, so that a filter list asks for no more than it can. `method` is POST with a body,
    else GET. Raises ConfigError for a body that is both JSON and form, or that a GET carries.
    """

    path: str
    method: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    headers: Mapping[str, Any] = field(default_factory=dict, hash=False)
    json: Any = field(default=None, hash=False)
    form: Mapping[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        bodies, hint = 2 - [self.json, self.form].count(None), "give `json=` or `form=` in api.py"
        require(bodies < 2, "a call has a JSON body and a form", self.where, hint)
        hint = "give `params=`, or drop `method=` in api.py"
        require(self.method != "GET" or not bodies, "a GET has a body", self.where, hint)

    @property
    def where(self) -> str:
        """Method and path: what a message may show."""
        method = self.method or ("GET" if self.json is None and self.form is None else "POST")
        return f"{method} /{self.path.lstrip('/')}"

    @property
    def bounds(self) -> tuple[Callable[[Slice], Any], ...]:
        """Every bound and function among the values, and a Part for each `{field}` of the path."""
        values = [self.params, self.headers, self.json, self.form or {}]
        return (*(Part(name) for name in FIELD.findall(self.path)), *_functions(values))

    def at(self, base_url: str, slice: Slice = WHOLE) -> Request:  # noqa: A002  (the word the whole runtime uses)
        """Return the request for `slice`, its address below `base_url` unless the path is an address of its own."""
        path = FIELD.sub(lambda found: self._segment(found[1], slice), self.path)
        url = path if "://" in self.path else base_url.rstrip("/") + "/" + path.lstrip("/")
        headers, body = _texts(self.headers, slice), None
        if self.json is not None:
            body = json.dumps(_filled(self.json, slice), default=_text).encode()
            headers = {"Content-Type": "application/json", **headers}
        elif self.form is not None:
            body = urlencode(_texts(self.form, slice)).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return Request(self.where.split(" ")[0], url, _texts(self.params, slice), headers, body)

    def _segment(self, name: str, at: Slice) -> str:
        value = Part(name)(at)
        if value is None or value == "":
            hint = "leave such parts out: `when=`"
            raise ContractError(f"the '{name}' of a part is empty", where=self.where, hint=hint)
        return quote(_text(value), safe="")


def _functions(value: Any) -> Iterator[Callable[[Slice], Any]]:
    if callable(value):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _functions(inner)


def _texts(values: Mapping[str, Any], at: Slice) -> dict[str, str]:
    made = {name: value(at) if callable(value) else value for name, value in values.items()}
    return {name: _text(value) for name, value in made.items() if value is not None}


def _filled(value: Any, at: Slice, *, listed: bool = False) -> Any:
    """Return `value` with its bounds filled; ABSENT for a bound without value, and for an element of a list holding one."""
    if callable(value):
        made = value(at)
        return ABSENT if made is None else made
    if isinstance(value, Mapping):
        fields = {name: _filled(inner, at) for name, inner in value.items()}
        kept = {name: inner for name, inner in fields.items() if inner is not ABSENT}
        return ABSENT if listed and len(kept) < len(fields) else kept
    if isinstance(value, (list, tuple)):
        elements = [_filled(inner, at, listed=True) for inner in value]
        bare = any(inner is ABSENT and callable(template) for inner, template in zip(elements, value, strict=True))
        return ABSENT if listed and bare else [inner for inner in elements if inner is not ABSENT]
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
