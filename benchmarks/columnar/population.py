"""The rows: one table of 12 columns of all common types, some of them null, drawn from nothing but a row's number.

DuckDB writes them as Parquet, which is the truth that all is compared with, and makes the other forms from that. All forms of so many rows are kept in a
folder of their own. A process of its own writes, because a parent that grew would show in its children's peak memory.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from benchmarks.contestants.columns import COLUMNS
from benchmarks.measure import said

__all__ = ["FORMS", "population"]

NAMES = (
    "Ada|Bjørn|Chloé|Dmitri|Emeka|Fatima|Grace|Hiro|Ines|João|Kwame|Łukasz|Mei|Noor|O'Brien|Priya|Quinn|Rosa|Søren|Zoë"
)
TITLES = 'Ltd|GmbH|Sons, Inc|Partners|Traders|and the "Old" Firm|Works|Supply|Foods & Beverages|Group'
CITIES = "Berlin|München|São Paulo|東京|New York|Lagos|Kraków|Mumbai|Reykjavík|Auckland"
YEARS = 5 * 365 * 86_400 * 1_000_000  # microseconds


def _listed(texts: str) -> str:
    return f"string_split('{texts.replace(chr(39), chr(39) * 2)}', '|')"


def _drawn(salt: int, below: int) -> str:
    return f"CAST(hash(i, {salt}) % {below} AS BIGINT)"


def _picked(texts: str, salt: int) -> str:
    return f"{_listed(texts)}[1 + {_drawn(salt, texts.count('|') + 1)}]"


ROWS = {
    "id": "i",
    "account_id": _drawn(1, 50_000),
    "quantity": f"CASE WHEN {_drawn(2, 10)} > 0 THEN {_drawn(3, 1_000)} END",
    "amount": f"CAST({_drawn(4, 100_000_000)} AS DECIMAL(12,0)) * 0.01",
    "score": f"CASE WHEN {_drawn(5, 20)} > 0 THEN {_drawn(6, 1_000_000)} / 1000.0 - 200 END",
    "ratio": f"{_drawn(7, 2**53)} / 9007199254740992.0",
    "name": f"{_picked(NAMES, 8)} || ' ' || {_picked(TITLES, 9)} || ' ' || {_drawn(10, 100_000)}",
    "city": f"CASE WHEN {_drawn(11, 10)} > 0 THEN {_picked(CITIES, 12)} END",
    "active": f"{_drawn(13, 3)} > 0",
    "created_at": f"make_timestamptz(1577836800000000 + {_drawn(14, YEARS)})",
    "updated_at": f"CASE WHEN {_drawn(15, 30)} > 0 THEN make_timestamp(1735689600000000 + {_drawn(16, YEARS)}) END",
    "born": f"DATE '1940-01-01' + CAST({_drawn(17, 25_000)} AS INTEGER)",
}
TEXTS = {  # as an API or an export shows them
    "created_at": "strftime(created_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')",
    "updated_at": "strftime(updated_at, '%Y-%m-%dT%H:%M:%S.%f')",
}
FORMS = {"parquet": "FORMAT parquet", "csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json"}


def population(cache: Path, rows: int, form: str) -> Path:
    """Return the file that holds so many rows as `form`, made now if it is not there."""
    path = _path(cache, rows, form)
    if not path.exists():
        said("benchmarks.columnar.population", cache, rows, form)
    return path


def _path(cache: Path, rows: int, form: str) -> Path:
    drawn = hashlib.sha256(repr((ROWS, TEXTS, FORMS)).encode()).hexdigest()[:8]
    return cache / f"rows-{rows}-{drawn}" / form / f"orders.{form}"


def main(cache: Path, rows: int, form: str) -> None:
    """Write the file; it is there only when it is whole."""
    import duckdb  # noqa: PLC0415  (the process that asks must stay small)

    path = _path(cache, rows, form)
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        shown = ", ".join(f"CAST({ROWS[name]} AS {kind}) AS {name}" for name, kind in COLUMNS.items())
        query = f"SELECT {shown} FROM range(1, {rows + 1}) numbers(i)"  # noqa: S608
    else:
        shown = ", ".join(f"{TEXTS.get(name, name)} AS {name}" for name in COLUMNS)
        query = f"SELECT {shown} FROM '{population(cache, rows, 'parquet')}'"  # noqa: S608
    partial = path.with_suffix(".partial")
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; COPY ({query}) TO '{partial}' ({FORMS[form]})")
    partial.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
