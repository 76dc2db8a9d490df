"""`python -m benchmarks`: choose a measurement, run it, print its table, write it to a page if asked to."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from benchmarks.columnar.parts import FILES, SQL
from benchmarks.memory import grow, memory_section
from benchmarks.over_http.section import PARTS, http_section
from benchmarks.over_http.stage import Plan as HttpPlan
from benchmarks.report import rest_section, write_section
from benchmarks.rest import compete
from benchmarks.roster import ABSENT, contestants
from benchmarks.startup import start, startup_section
from benchmarks.turns import Plan

__all__ = ["arguments", "sections"]

CHECKPOINT_ROWS = 10_000  # the runtime's own default
Planned = TypeVar("Planned", Plan, HttpPlan)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the words of the command ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    rest = verbs.add_parser("rest", help="a REST API into DuckDB: the floor, Headwater, the SDK's runner, peers")
    memory = verbs.add_parser("memory", help="peak memory and speed as the source grows")
    startup = verbs.add_parser("startup", help="`headwater --help`, and the import of the runtime")
    http = verbs.add_parser("http", help="the runtime toward Fivetran: CPU, memory, requests in flight, reading ahead")
    sql = verbs.add_parser(
        "sql", help="a table of PostgreSQL into DuckDB, and toward Fivetran: drivers, Headwater, peers"
    )
    files = verbs.add_parser("files", help="CSV, JSONL and Parquet into DuckDB: its own readers, Headwater, peers")
    for verb in (rest, memory):
        verb.add_argument(
            "--checkpoint-rows", type=int, default=CHECKPOINT_ROWS, help="of the connector on the runtime"
        )
    for verb in (rest, memory, http):
        verb.add_argument("--page-size", type=int, default=1_000)
    for verb, records in (
        (rest, 200_000),
        (memory, 2_000_000),
        (http, HttpPlan.records),
        (sql, 1_000_000),
        (files, 1_000_000),
    ):
        verb.add_argument("--records", type=int, default=records)
        verb.add_argument(
            "--cache", type=Path, default=Path(".benchmarks"), help="environments and records are kept here"
        )
        verb.add_argument("--timeout", type=float, default=900, help="seconds for one run")
    for verb, records in ((rest, 20_000), (sql, 100_000), (files, 100_000)):
        verb.add_argument(
            "--only", default="", help="contestants whose name holds one of these words, with commas between"
        )
        verb.add_argument("--scaled-records", type=int, default=records, help="for those too slow for all")
    for verb, parts in ((sql, SQL), (files, FILES)):
        verb.add_argument("--parts", default=",".join(parts), help=f"of {', '.join(parts)}, with commas between")
        verb.add_argument(
            "--run-in", type=Path, metavar="FOLDER", help="where they land; one in memory leaves the disk out"
        )
    http.add_argument(
        "--compared-records", dest="compared", type=int, default=HttpPlan.compared, help="for CPU a record"
    )
    http.add_argument(
        "--waited-pages", dest="waited", type=int, default=HttpPlan.waited, help="from a source with latency"
    )
    http.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}, with commas between")
    for verb, rounds in ((rest, 5), (startup, 15), (http, HttpPlan.rounds), (sql, 5), (files, 5)):
        verb.add_argument("--rounds", type=int, default=rounds)
    for verb in (rest, memory, startup, http, sql, files):
        verb.add_argument("--write", type=Path, metavar="PAGE", help="put the table between its markers on this page")
    return parser.parse_args(words)


def sections(asked: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Measure what is asked for; yield the name of each section on the page, as it is printed, and as it is published."""
    if asked.verb == "rest":
        plan = _planned(Plan, asked)
        words = asked.only.split(",")
        chosen = [one for one in contestants(asked.checkpoint_rows) if any(word in one.name for word in words)]
        outcomes = compete(chosen, plan)
        printed, published = (rest_section(outcomes, plan, ABSENT, published=which) for which in (False, True))
        yield "rest", printed, published
    elif asked.verb in {"sql", "files"}:
        known = SQL if asked.verb == "sql" else FILES
        for part in asked.parts.split(","):
            text = known[part](_planned(Plan, asked), asked.only)
            yield f"{asked.verb} {part}", text, text
    else:
        if asked.verb == "memory":
            text = memory_section(grow(_planned(Plan, asked), asked.checkpoint_rows))
        elif asked.verb == "http":
            text = http_section(_planned(HttpPlan, asked), asked.parts.split(","))
        else:
            text = startup_section(start(asked.rounds))
        yield asked.verb, text, text


def _planned(plan: type[Planned], asked: argparse.Namespace) -> Planned:
    """Return the plan of what is asked for: the options of a verb are called like the fields."""
    return plan(**{one.name: getattr(asked, one.name) for one in fields(plan) if hasattr(asked, one.name)})


def main() -> None:
    """Run the measurement asked for."""
    asked = arguments()
    for name, printed, published in sections(asked):
        print(f"{printed}\n", flush=True)
        if asked.write:
            write_section(asked.write, name, published)


if __name__ == "__main__":
    main()
