"""Singer: a tap on Meltano's SDK piped into target-duckdb. Two processes, so their peak memories are added."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.contestants.timed import awaited, job, measured


def main() -> None:
    """Run the pipeline from nothing. The processes' start-up is a part of it."""
    wanted = job()
    tap, target = Path("tap.json"), Path("target.json")
    tap.write_text(json.dumps({"url": wanted["url"], "page_size": wanted["page_size"]}), encoding="utf-8")
    target.write_text(json.dumps({"path": "warehouse.db", "default_target_schema": "landed"}), encoding="utf-8")
    with measured("singer-sdk", "target-duckdb", "duckdb") as told:
        reading = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contestants.tap_rest", "--config", str(tap)], stdout=subprocess.PIPE
        )
        loading = subprocess.Popen(
            [str(Path(sys.executable).with_name("target-duckdb")), "--config", str(target)],
            stdin=reading.stdout,
            stdout=subprocess.DEVNULL,
        )
        if reading.stdout is not None:
            reading.stdout.close()  # the target holds it now
        told["peak"] = awaited(reading, "the tap") + awaited(loading, "the target")


if __name__ == "__main__":
    main()
