"""Who takes part in `rest`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["ABSENT", "FLOOR", "HEADWATER", "Contestant", "contestants", "headwater"]

CONNECTORS = Path(__file__).parent / "connectors"
FLOOR = "floor"
HEADWATER = "headwater, on the runtime"


@dataclass(frozen=True)
class Contestant:
    """`script` is a module of benchmarks.contestants, `table` where it lands the records in its `warehouse`.

    `requirements` that are not empty give it an environment of its own, named `environment`, else as the script. One that is not `published` is shown on the screen and left
    out of the written page. `scaled`: it is too slow for the full count; it reads fewer, and its cost is scaled.
    """

    name: str
    script: str
    table: str
    options: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    warehouse: str = "warehouse.db"
    published: bool = True
    scaled: bool = False
    environment: str = ""

    def job(self, source: Mapping[str, Any], configuration: Mapping[str, str]) -> dict[str, Any]:
        """Return what its script is told of the source, and its own options; they win."""
        return {
            **source,
            **self.options,
            "configuration": {**configuration, **self.options.get("configuration", {})},
        }


def headwater(checkpoint_rows: int) -> Contestant:
    """Return the connector on the runtime, with so many rows between two checkpoints."""
    options = {"connector": str(CONNECTORS / "runtime"), "configuration": {"checkpoint_rows": str(checkpoint_rows)}}
    return Contestant(HEADWATER, "engine", "tester.cpg_records", options)


def contestants(checkpoint_rows: int) -> tuple[Contestant, ...]:
    """Return all, in the order they take turns. Peers get our DuckDB where they allow it: it is not what is compared."""
    plain = {"connector": str(CONNECTORS / "plain")}
    duckdb = f"duckdb=={version('duckdb')}"
    # The floor needs one package that this project does not; where it is missing, the floor gets an environment too.
    floor = () if find_spec("orjson") else ("orjson", "urllib3", f"pyarrow=={version('pyarrow')}", duckdb)
    dlt = ("dlt[duckdb,parquet]", duckdb)
    table = "landed.cpg_records"
    sdk = "fivetran debug (SDK's runner), hand-written connector"
    return (
        Contestant(FLOOR, "floor", "cpg_records", requirements=floor),
        Contestant(f"{FLOOR}, two threads", "floor", "cpg_records", {"threads": True}, floor),
        headwater(checkpoint_rows),
        Contestant("headwater, hand-written connector", "engine", "tester.cpg_records", plain),
        Contestant(
            sdk, "sdk", "tester.cpg_records", plain, warehouse="files/warehouse.db", published=False, scaled=True
        ),
        Contestant("dlt, as it comes", "dlt_rest", table, requirements=dlt),
        Contestant("dlt, tuned", "dlt_rest", table, {"tuned": True}, requirements=dlt),
        Contestant("PyAirbyte, manifest", "airbyte_manifest", table, requirements=("airbyte",)),
        Contestant("Singer, target-duckdb", "singer", table, requirements=("singer-sdk", "target-duckdb", duckdb)),
    )


ABSENT: Mapping[str, str] = {
    "ingestr": "not run: since 1.0 its package on PyPI is a launcher that downloads a program from elsewhere, and only packages from PyPI take part",
}
