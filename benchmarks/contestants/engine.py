"""Headwater's engine with one of the connectors beside: what `headwater debug` does, without its lines on the screen."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contestants.timed import job, measured


def main() -> None:
    """Run one sync from nothing."""
    from headwater import engine  # before whatever else imports Arrow: it says which memory that uses

    wanted = job()
    packages = ("headwater", "fivetran_connector_sdk", "pyarrow", "duckdb", *wanted.get("packages", ["requests"]))
    connector = engine.load(Path(wanted["connector"]))
    with measured(*packages) as told:
        result = engine.run(
            connector,
            configuration=wanted["configuration"],
            state={},
            destination=engine.DuckDbDestination(Path("warehouse.db")),
            save_state=engine.StateFile(Path("state.json")).write,
        )
        if result.error is not None:
            raise result.error
        told["operations"] = dict(result.operations)


if __name__ == "__main__":
    main()
