"""What the templates need of a SourceSpec, every value already a safe piece of Python, JSON or Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.generate import markdown
from headwater.generate.code import Call, identifier, import_line, literal, prose, render, singular
from headwater.model.spec import EndpointSpec, PagingSpec, SourceSpec, connector_name

__all__ = ["Endpoint", "View", "view"]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint with the names its code goes by."""

    spec: EndpointSpec
    function: str
    table: str
    row: str

    @property
    def durable(self) -> bool:
        """Whether a token is kept between syncs."""
        return self.spec.token_is_durable and self.spec.paging.kind in {"next_token", "keyset"}

    @property
    def place(self) -> str:
        """Where the token or link to the next page is, as Markdown."""
        path = markdown.code(self.spec.paging.path)
        if self.spec.paging.source == "last":
            return f"{path} of a page's last record"
        return f"in the header {path}" if self.spec.paging.source == "header" else f"at {path}"

    @property
    def needs_settings(self) -> bool:
        """Whether the request holds something of the configuration."""
        return bool(self.spec.paging.size_param or self.spec.secret_params)

    @property
    def arguments(self) -> str:
        """What the endpoint's function is called with."""
        return "client, settings" if self.needs_settings else "client"

    @property
    def parameters(self) -> str:
        """What the endpoint's function takes."""
        return "client: Client, settings: Settings" if self.needs_settings else "client: Client"

    @property
    def pages(self) -> str:
        """The call that describes its pages."""
        parts: list[str | Call] = [literal(self.spec.path)]
        if self.spec.records:
            parts.append(f"records={literal(self.spec.records)}")
        paging = _paging(self.spec.paging)
        if paging is not None:
            parts.append(paging)
        params = _params(self.spec)
        if params.parts:
            parts.append(params)
        return render(Call("return client.pages(", parts), 4)

    @property
    def declaration(self) -> str:
        """The table's declaration."""
        parts: list[str | Call] = [literal(self.spec.table.name)]
        key = self.spec.table.key
        if len(key) == 1:
            parts.append(f"key={literal(key[0])}")
        elif key:
            parts.append(Call("key=(", [literal(column) for column in key]))
        if self.spec.table.columns:
            columns = [f"{literal(name)}: {literal(kind)}" for name, kind in self.spec.table.columns.items()]
            parts.append(Call("columns={", columns, "}"))
        return render(Call(f"{self.table} = Table(", parts))

    @property
    def stream(self) -> str:
        """The stream's declaration."""
        parts: list[str | Call] = [f"{self.function}({self.arguments})", f"{{{self.table}: {self.row}}}"]
        if self.durable:
            parts += ["cursor=Token()", f"checkpoint_rows={5 * max(self.spec.paging.size, 100)}"]
        else:
            parts.append("cursor=FullRefresh()")
        return render(Call("yield Stream(", parts), 4)

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and content of every field seen, as Markdown."""
        return [(markdown.code(name), markdown.text(self.spec.types.get(name, ""))) for name in self.spec.fields]

    @property
    def key_columns(self) -> str:
        """The key as Markdown."""
        return " + ".join(markdown.code(column) for column in self.spec.table.key)

    @property
    def landed(self) -> str:
        """The table as the destination names it."""
        return _landed(self.spec.table.name)

    @property
    def date_column(self) -> str:
        """The date field as the destination names it."""
        return _landed(self.spec.date_field)


@dataclass(frozen=True)
class View:
    """A whole connector."""

    spec: SourceSpec
    title: str
    settings: Mapping[str, Call]
    template: Mapping[str, str]
    endpoints: tuple[Endpoint, ...]

    @property
    def keyed(self) -> bool:
        """Whether every table has a key."""
        return all(endpoint.spec.table.key for endpoint in self.endpoints)

    @property
    def durable(self) -> bool:
        """Whether any endpoint keeps a token."""
        return any(endpoint.durable for endpoint in self.endpoints)

    @property
    def mark(self) -> str:
        """What is kept between syncs."""
        kinds = {endpoint.spec.paging.kind for endpoint in self.endpoints if endpoint.durable}
        return "key" if kinds == {"keyset"} else "token"

    @property
    def config(self) -> str:
        """The settings' declaration."""
        return render(
            Call("CONFIG = Config(", [Call(f"{name}={call.head}", call.parts) for name, call in self.settings.items()])
        )

    @property
    def client(self) -> str:
        """The call that makes the client."""
        spec = self.spec
        parts: list[str | Call] = ["settings.base_url"]
        if spec.auth.kind == "header":
            secret = f"settings.{spec.auth.config_key}"
            value = f"{literal(spec.auth.prefix)} + {secret}" if spec.auth.prefix else secret
            parts.append(Call("auth=ApiKey(", [literal(spec.auth.name), value]))
        elif spec.auth.kind == "bearer":
            parts.append(f"auth=Bearer(settings.{spec.auth.config_key})")
        elif spec.auth.kind == "basic":
            secrets = [f"settings.{key}" for key in (spec.auth.config_key, spec.auth.password_key)]
            parts.append(Call("auth=Basic(", secrets))
        headers = [f"{literal(name)}: {literal(value)}" for name, value in spec.headers.items()]
        headers += [f"{literal(name)}: settings.{key}" for name, key in spec.secret_headers.items()]
        if headers:
            parts.append(Call("headers={", headers, "}"))
        return render(Call("return Client(", parts), 4)

    @property
    def api_import(self) -> str:
        """What api.py takes from the runtime."""
        names = {"Client", "Config", "Pages", "Settings", "Url"}
        names |= {AUTHS[self.spec.auth.kind]}
        names |= {"Secret"} if self.spec.secret_keys else set()
        names |= {"Int"} if "page_size" in self.settings else set()
        names |= {PAGINGS[endpoint.spec.paging.kind] for endpoint in self.endpoints}
        names |= {SOURCES[one.spec.paging.source] for one in self.endpoints if one.spec.paging.kind in FOLLOWED}
        names -= {""}
        return import_line("headwater_runtime", sorted(names))

    @property
    def sync_imports(self) -> tuple[str, str, str]:
        """What sync.py takes from the runtime, from api.py and from models.py."""
        cursors = {"Token" if endpoint.durable else "FullRefresh" for endpoint in self.endpoints}
        rows = [name for endpoint in self.endpoints for name in (endpoint.table, endpoint.row)]
        return (
            import_line("headwater_runtime", ["Client", "Settings", "Stream", *cursors]),
            import_line("api", [endpoint.function for endpoint in self.endpoints]),
            import_line("models", rows),
        )


PAGINGS = {
    "single": "",
    "page_number": "PageNumber",
    "offset": "Offset",
    "next_token": "NextToken",
    "next_link": "NextLink",
    "keyset": "Keyset",
}
FOLLOWED = {"next_token", "next_link"}  # kinds whose `path` may be in another `source` than the body
SOURCES = {"body": "", "header": "Header", "last": "Last"}
AUTHS = {"none": "", "header": "ApiKey", "bearer": "Bearer", "basic": "Basic"}


def view(spec: SourceSpec) -> View:
    """Return what the templates need of `spec`."""
    title = prose(spec.title) or spec.name
    functions: set[str] = set()
    rows: set[str] = set()
    endpoints = []
    for endpoint in spec.endpoints:
        steps = [step for step in endpoint.path.split("/") if connector_name(step)]
        table = identifier(endpoint.table.name, rows)
        function = identifier(steps[-1] if steps else table, functions)
        row = identifier(singular(table), functions | rows)
        functions.add(row)
        endpoints.append(Endpoint(endpoint, function, table.upper(), row))
    settings = _settings(spec, title)
    template = dict.fromkeys(spec.secret_keys, "")
    template["base_url"] = spec.base_url
    size = _size(spec)
    if size is not None:
        template["page_size"] = str(size[0])
    return View(spec, title, settings, template, tuple(endpoints))


def _landed(name: str) -> str:
    """Return `name` as Fivetran's default naming has it: words and numbers apart."""
    return re.sub(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])", "_", connector_name(name))


def _settings(spec: SourceSpec, title: str) -> dict[str, Call]:
    settings = {
        key: Call("Secret(", [literal(f"{title} {key.strip('_').replace('_', ' ')}")]) for key in spec.secret_keys
    }
    settings["base_url"] = Call("Url(", [literal("Address of the API"), f"default={literal(spec.base_url)}"])
    size = _size(spec)
    if size is not None:
        bounds = ["low=1", f"high={size[1]}"] if size[1] else ["low=1"]
        settings["page_size"] = Call("Int(", [literal("Records per request"), f"default={size[0]}", *bounds])
    return settings


def _size(spec: SourceSpec) -> tuple[int, int] | None:
    """Return the page size to ask for and the largest allowed (0: not known), fit for every endpoint; None if none has one."""
    sized = [endpoint.paging for endpoint in spec.endpoints if endpoint.paging.size_param]
    if not sized:
        return None
    limits = [paging.size_max for paging in sized if paging.size_max]
    return max(1, min(paging.size for paging in sized)), min(limits, default=0)


def _paging(paging: PagingSpec) -> Call | None:
    sized = [f"size_param={literal(paging.size_param)}", "size=settings.page_size"] if paging.size_param else []
    place = SOURCES[paging.source]
    path = f"{place}({literal(paging.path)})" if place else literal(paging.path)
    parts: dict[str, list[str]] = {
        "page_number": [
            literal(paging.param),
            *([f"start={literal(paging.start)}"] if paging.start != 1 else []),
            *sized,
            *([f"total_pages={literal(paging.total_pages)}"] if paging.total_pages else []),
        ],
        "offset": [literal(paging.param), *sized, *([f"total={literal(paging.total)}"] if paging.total else [])],
        "next_token": [
            path,
            f"param={literal(paging.param)}",
            *([f"more={literal(paging.more)}"] if paging.more else []),
        ],
        "next_link": [path],
        "keyset": [literal(paging.path), f"param={literal(paging.param)}", *sized],
    }
    return Call(f"paging={PAGINGS[paging.kind]}(", parts[paging.kind]) if paging.kind in parts else None


def _params(spec: EndpointSpec) -> Call:
    pairs: list[Any] = [f"{literal(name)}: {literal(value)}" for name, value in spec.params.items()]
    pairs += [f"{literal(name)}: settings.{key}" for name, key in spec.secret_params.items()]
    if spec.paging.size_param and spec.paging.kind not in {"page_number", "offset", "keyset"}:
        pairs.append(f"{literal(spec.paging.size_param)}: settings.page_size")
    return Call("params={", pairs, "}")
