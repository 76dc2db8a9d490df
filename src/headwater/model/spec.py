"""SourceSpec: what is known about a source, as data. Discovery fills it in, generation writes a connector from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["AuthSpec", "EndpointSpec", "PagingSpec", "SourceSpec", "TableSpec", "connector_name"]


@dataclass(frozen=True)
class AuthSpec:
    """How requests are authorised: header `name` carries the secret of configuration key `config_key`.

    `kind` "header": as it is, with `prefix` before it, its space included ("Token "); "bearer": as a bearer token; "basic": as
    the user, with the secret of `password_key` as the password.
    """

    kind: Literal["none", "header", "bearer", "basic"] = "none"
    name: str = ""
    config_key: str = ""
    prefix: str = ""
    password_key: str = ""


@dataclass(frozen=True)
class PagingSpec:
    r"""How an endpoint is paged. Fields that do not apply to `kind` stay at their defaults.

    Paths are dotted (`meta.next`, a dot in a name is `\.`); "" is the whole body. `path` is where the token or link is: in the
    body, or with `source` the name of a header, or a field of a page's last record. A keyset's is the key in a record.
    `param` is the query parameter that carries the token, the key, the page number or the offset; `size_param` and `size` the
    page-size parameter and the size to ask for; `size_max` the largest size the source is known to honour (0: not known).
    """

    kind: Literal["single", "page_number", "offset", "next_token", "next_link", "keyset"] = "single"
    param: str = ""
    path: str = ""
    more: str = ""
    start: int = 1
    total_pages: str = ""
    total: str = ""
    size_param: str = ""
    size: int = 0
    size_max: int = 0
    source: Literal["body", "header", "last"] = "body"


@dataclass(frozen=True)
class TableSpec:
    """One table: `key` are its primary-key columns (none: keyless), `columns` only the types that must be forced."""

    name: str
    key: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointSpec:
    """One endpoint that feeds one table. `records` is the dotted path of the record list, "" when the body is the list.

    `params` are sent as they are, `secret_params` maps a parameter to the configuration key of its value.
    `token_is_durable`: the paging token, or the last key, still works in a later sync, so it can be the stream's cursor.
    `fields` names every field seen, in order, with a sample value as text, and `types` what its values were.
    `records_seen` records were read to find this out; `complete` if that was all of them.
    """

    path: str
    table: TableSpec
    records: str = ""
    paging: PagingSpec = field(default_factory=PagingSpec)
    params: Mapping[str, str] = field(default_factory=dict)
    secret_params: Mapping[str, str] = field(default_factory=dict)
    token_is_durable: bool = False
    date_field: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    records_seen: int = 0
    complete: bool = False


@dataclass(frozen=True)
class SourceSpec:
    """A source: `name` is a valid connection name, `title` what people call it, `base_url` without a trailing slash.

    `headers` are sent as they are, `secret_headers` maps a header besides `auth` to the configuration key of its value.
    """

    name: str
    title: str
    base_url: str
    auth: AuthSpec = field(default_factory=AuthSpec)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[EndpointSpec, ...] = ()

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The configuration keys that hold secrets, each once, in the order they are asked for."""
        keys = [self.auth.config_key] if self.auth.kind != "none" else []
        keys += [self.auth.password_key] if self.auth.kind == "basic" else []
        keys += self.secret_headers.values()
        for endpoint in self.endpoints:
            keys += endpoint.secret_params.values()
        return tuple(dict.fromkeys(keys))


def connector_name(title: str) -> str:
    """Return `title` as a valid connection name (`^[_a-z][_a-z0-9]*$`), "" if nothing of it is left.

    >>> connector_name("FDA Food Enforcement")
    'fda_food_enforcement'
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", title)
    name = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name
