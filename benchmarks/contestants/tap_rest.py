"""A Singer tap for the benchmark's source, on Meltano's SDK, in the form its template has."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import RESTStream, Tap

from benchmarks.contestants.typed import json_schema


class CpgStream(RESTStream[str]):
    """The one endpoint."""

    name = "cpg_records"
    path = "/cpg_data"
    primary_keys = ("record_id",)
    records_jsonpath = "$.cpg_records[*]"
    next_page_token_jsonpath = "$.next_cursor"  # noqa: S105  (a path, not a token)
    schema: ClassVar[dict[str, Any]] = json_schema()

    @property
    def url_base(self) -> str:
        """The address served at."""
        return str(self.config["url"])

    def get_url_params(self, context: Any, next_page_token: str | None) -> dict[str, Any]:  # noqa: ARG002
        """Return the page wanted."""
        return {"page_size": self.config["page_size"], **({"cursor": next_page_token} if next_page_token else {})}


class CpgTap(Tap):
    """The tap."""

    name = "tap-cpg"
    config_jsonschema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {"url": {"type": "string"}, "page_size": {"type": "integer"}},
    }

    def discover_streams(self) -> list[Any]:
        """Return the stream."""
        return [CpgStream(self)]


if __name__ == "__main__":
    CpgTap.cli()
