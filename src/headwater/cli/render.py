"""Reports in words and tables. One function an action; none computes anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli.terminal import STYLES, console, print_line
from headwater.model import Finding, Report

__all__ = [
    "render_debug",
    "render_demo",
    "render_doctor",
    "render_new",
    "render_package",
    "render_prove",
    "render_query",
    "render_simulate",
]

SAMPLE_COLUMNS = 6  # a wide table's sample shows this many; `headwater query` shows all
SAMPLE_WIDTH = 20  # characters of a sampled value
RULE = 3  # characters between two columns
STATE_VALUE = 300  # characters of a text in the state: what a stream remembers of its rows or files may be megabytes
CELL = 60  # characters of a queried one
OPERATIONS = ("upserts", "updates", "deletes", "truncates", "schema_changes", "checkpoints", "file_uploads")


def render_debug(report: Report, screen: Console) -> None:
    """Show the samples, the operations, the state and how it ended, in that order."""
    data = report.data
    for table, sample in data["samples"].items():
        _heading(screen, f"{table}: first {len(sample['rows'])} of {data['tables'].get(table, 0):,} rows")
        _print_sample(screen, sample["columns"], sample["rows"])
    _heading(screen, "Operations")
    _grid(screen, ("Operation", "Count"), [(_words(name), f"{data['operations'][name]:,}") for name in OPERATIONS])
    _heading(screen, "State for the next sync")
    _line(screen, json.dumps(_shortened(data["state"]), ensure_ascii=False))
    _findings(screen, report.findings)
    rows = sum(data["tables"].values())
    _heading(screen, "Sync succeeded" if report.status == "ok" else "Sync failed", good=report.status == "ok")
    parts = [f"{rows:,} rows in {len(data['tables'])} table(s)", f"{data['seconds']:.1f} s"]
    if data["peak_memory_mb"] >= 1:  # unknown if the sync ended before its first commit; the SDK's runner tells less
        parts.append(f"peak {data['peak_memory_mb']:.0f} MB")
    _line(screen, " · ".join([*parts, data["warehouse"]]))


def render_query(report: Report, screen: Console) -> None:
    """Show all columns and rows, one under the other where a row is wider than the screen."""
    columns, rows = report.data["columns"], [[_cell(value) for value in row] for row in report.data["rows"]]
    widths = [max(map(cell_len, values)) for values in zip(columns, *rows, strict=True)]
    if not rows or sum(widths) + RULE * (len(widths) - 1) <= screen.width:
        _grid(screen, columns, rows)
    else:
        for number, row in enumerate(rows, 1):
            _grid(screen, (f"row {number}", ""), list(zip(columns, row, strict=True)))
    more = report.data["more"]
    _line(
        screen, f"{len(report.data['rows'])} row(s)" + (", and more: narrow the query or add a limit" if more else "")
    )


def render_prove(report: Report, screen: Console) -> None:
    """Show the table of laws."""
    _laws(screen, report.data)
    _findings(screen, report.findings)
    if report.data.get("written"):
        _line(screen, f"written: {report.data['written']}")


def render_new(report: Report, screen: Console) -> None:
    """Show what was written and how its two syncs went."""
    _findings(screen, [finding for finding in report.findings if finding.severity != "info"])
    if not report.data["files"]:
        _heading(screen, "Nothing was written")
        return
    _heading(screen, f"{report.data['name']}: written to {report.data['project']}", good=report.status == "ok")
    for title, sync in (("first sync", report.data["first"]), ("second sync", report.data["second"])):
        if sync is not None:
            counts = ", ".join(f"{table} {rows:,}" for table, rows in sync["tables"].items())
            _line(
                screen,
                f"{title}: {sync['status']}, {sync['operations']['upserts']:,} upserts; now {counts or 'no rows'}",
            )
    _line(screen, f"next: headwater debug {report.data['project']}")


def render_demo(report: Report, screen: Console) -> None:
    """Show the laws, and what went wrong if anything did."""
    if "prove" in report.data:
        _laws(screen, report.data["prove"])
    _findings(screen, report.findings)
    _heading(screen, "Done" if report.status == "ok" else "The demo failed", good=report.status == "ok")
    _line(screen, f"{report.data['seconds']:.0f} s · project: {report.data['project']}")


def render_package(report: Report, screen: Console) -> None:
    """Show where the zip is and what identifies it."""
    _heading(screen, f"Packaged: {report.data['package']}", good=True)
    _line(screen, f"{report.data['bytes']:,} bytes · sha256 of the contents {report.data['sha256']}")


def render_doctor(report: Report, screen: Console) -> None:
    """Show versions, programs, the catalog and what is missing."""
    data = report.data
    _heading(screen, f"Python {data['python']} on {data['system']}")
    _grid(screen, ("Package", "Version"), [(name, version or "missing") for name, version in data["versions"].items()])
    _grid(screen, ("Program", "Place"), [(name, place or "missing") for name, place in data["programs"].items()])
    _line(screen, f"connectors: {', '.join(data['connectors'])}")
    _line(screen, f"simulators: {', '.join(data['simulators'])}")
    _findings(screen, report.findings)
    _heading(screen, "All is here" if not report.findings else "Something is missing", good=not report.findings)


def render_simulate(report: Report) -> None:
    """Show where the vendor answers and a configuration to copy; whole lines, also into a pipe."""
    screen = console()
    _heading(screen, f"{report.data['title']} answers at {report.data['url']}", good=True)
    _line(screen, "configuration:")
    screen.print(json.dumps(report.data["configuration"], indent=2), soft_wrap=True)
    _line(screen, "Ctrl-C stops it")


def _laws(screen: Console, proof: Mapping[str, Any]) -> None:
    _heading(screen, f"{proof['connector']} on simulator {proof['simulator']}: {proof['cases']:,} cases")
    rows = [
        (str(law["number"]), law["name"], law["verdict"], f"{law['cases']:,}", f"{law['seconds']:.1f}")
        for law in proof["laws"]
    ]
    _grid(screen, ("Law", "What it says", "", "Cases", "Seconds"), rows)


def _findings(screen: Console, findings: Iterable[Finding]) -> None:
    for finding in findings:
        style = STYLES[finding.severity]
        place = f" ({finding.where})" if finding.where else ""
        print_line(screen, f"{finding.severity}: {finding.what}{place}", style)
        if finding.hint:
            print_line(screen, f"→ {finding.hint}", "dim", indent=4)


def _print_sample(screen: Console, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    fitting = max(2, min(SAMPLE_COLUMNS, (screen.width + RULE) // (SAMPLE_WIDTH + RULE)))
    _grid(screen, columns[:fitting], [[_cell(value, SAMPLE_WIDTH) for value in row[:fitting]] for row in rows])
    if len(columns) > fitting:
        _line(screen, f"and {len(columns) - fitting} more columns: {', '.join(columns[fitting:])}")


def _grid(screen: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(pad_edge=False, header_style="bold", show_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    screen.print(table)


def _shortened(value: Any) -> Any:
    """Return a state whose long texts only begin; `--json` has them whole."""
    if isinstance(value, dict):
        return {name: _shortened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shortened(one) for one in value]
    long = isinstance(value, str) and len(value) > STATE_VALUE
    return f"{value[:40]}… ({len(value):,} characters)" if long else value


def _cell(value: Any, width: int = CELL) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _heading(screen: Console, title: str, *, good: bool | None = None) -> None:
    style = {True: "bold green", False: "bold red", None: "bold cyan"}[good]
    screen.print(Text(f"\n{title}", style=style), soft_wrap=True)


def _line(screen: Console, text: str) -> None:
    print_line(screen, text)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
