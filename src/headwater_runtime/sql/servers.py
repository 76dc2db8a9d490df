"""Which Server serves a URL. A server's module is imported when a URL asks for it."""

from __future__ import annotations

import sqlalchemy as sa

from headwater_runtime.errors import ConfigError
from headwater_runtime.sql.need import installed
from headwater_runtime.sql.server import Options, Server

__all__ = ["serving"]


def serving(url: sa.URL, options: Options, near: int | None, *, fast: bool = True) -> Server:
    """Return the server of a URL; `near` is the local port of a tunnel to it. Raises ConfigError for a missing driver."""
    kind, _, driver = url.drivername.partition("+")
    if kind in {"postgresql", "postgres"} and driver in {"", "psycopg"}:
        from headwater_runtime.sql.postgres import connected as postgres  # noqa: PLC0415

        return postgres(url, options, near, adbc=fast and installed("adbc_driver_postgresql"))
    if kind in {"mysql", "mariadb"} and driver in {"", "pymysql"}:
        from headwater_runtime.sql.mysql import connected as mysql  # noqa: PLC0415

        return mysql(url, options, near)
    if kind == "sqlite" and driver in {"", "pysqlite"}:
        from headwater_runtime.sql.sqlite import Sqlite  # noqa: PLC0415

        return Sqlite(url.database or ":memory:", options)
    if kind == "duckdb":
        from headwater_runtime.sql.duck import Duck  # noqa: PLC0415

        return Duck(url.database or ":memory:", options)
    from headwater_runtime.sql.other import Other  # noqa: PLC0415

    try:
        return Other(url, options, near)
    except sa.exc.NoSuchModuleError as error:
        hint = f"add the package with the dialect of {kind}:// to requirements.txt"
        raise ConfigError(f"SQLAlchemy has no dialect for {kind}://", where="Database", hint=hint) from error
