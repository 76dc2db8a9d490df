"""`python -m benchmarks`: choose a measurement, run it, print its table, write it to a page if asked to."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.columnar.parts import FILES, SQL
from benchmarks.memory import grow, memory_section
from benchmarks.over_http.section import PARTS, http_section
from benchmarks.over_http.stage import Plan as HttpPlan
from benchmarks.report import rest_section, write_section
from benchmarks.rest import compete
from benchmarks.roster import ABSENT, contestants
from benchmarks.startup import start, startup_section
from benchmarks.turns import Plan

__all__ = ["sections"]

CHECKPOINT_ROWS = 10_000  # the runtime's own default


def _arguments() -> argparse.Namespace:
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
    http.add_argument("--compared-records", type=int, default=HttpPlan.compared, help="for CPU a record")
    http.add_argument("--waited-pages", type=int, default=HttpPlan.waited, help="from a source with latency")
    http.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}, with commas between")
    for verb, rounds in ((rest, 5), (startup, 15), (http, HttpPlan.rounds), (sql, 5), (files, 5)):
        verb.add_argument("--rounds", type=int, default=rounds)
    for verb in (rest, memory, startup, http, sql, files):
        verb.add_argument("--write", type=Path, metavar="PAGE", help="put the table between its markers on this page")
    return parser.parse_args()


def sections(verb: str, plan: Plan, parts: Sequence[str], only: str) -> Iterator[tuple[str, str]]:
    """Measure the parts of `sql` or `files`, one after the other; yield each one's name on the page, and its section."""
    known = SQL if verb == "sql" else FILES
    for name in parts:
        yield f"{verb} {name}", known[name](plan, only)


def _columnar(asked: argparse.Namespace) -> None:
    plan = Plan(
        records=asked.records,
        rounds=asked.rounds,
        scaled_records=asked.scaled_records,
        timeout=asked.timeout,
        cache=asked.cache,
        run_in=asked.run_in,
    )
    for name, text in sections(asked.verb, plan, asked.parts.split(","), asked.only):
        print(f"{text}\n", flush=True)
        if asked.write:
            write_section(asked.write, name, text)


def main() -> None:
    """Run the measurement asked for."""
    asked = _arguments()
    if asked.verb in {"sql", "files"}:
        _columnar(asked)
        return
    if asked.verb == "rest":
        plan = Plan(
            records=asked.records,
            page_size=asked.page_size,
            rounds=asked.rounds,
            scaled_records=asked.scaled_records,
            timeout=asked.timeout,
            cache=asked.cache,
        )
        words = asked.only.split(",")
        chosen = [one for one in contestants(asked.checkpoint_rows) if any(word in one.name for word in words)]
        outcomes = compete(chosen, plan)
        printed = rest_section(outcomes, plan, ABSENT, published=False)
        published = rest_section(outcomes, plan, ABSENT, published=True)
    elif asked.verb == "memory":
        plan = Plan(records=asked.records, page_size=asked.page_size, timeout=asked.timeout, cache=asked.cache)
        printed = published = memory_section(grow(plan, asked.checkpoint_rows))
    elif asked.verb == "http":
        http = HttpPlan(
            records=asked.records,
            compared=asked.compared_records,
            page_size=asked.page_size,
            waited=asked.waited_pages,
            rounds=asked.rounds,
            timeout=asked.timeout,
            cache=asked.cache,
        )
        printed = published = http_section(http, asked.parts.split(","))
    else:
        printed = published = startup_section(start(asked.rounds))
    print(printed)
    if asked.write:
        write_section(asked.write, asked.verb, published)


if __name__ == "__main__":
    main()
