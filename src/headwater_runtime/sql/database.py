"""Database: what a connector declares of a SQL database, and the one control connection of a run that questions go over."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.errors import ConfigError, HeadwaterError, SourceError, TransientError, require
from headwater_runtime.log import Log, Redactor, redacted
from headwater_runtime.retry import Retry
from headwater_runtime.sql.relation import Relation
from headwater_runtime.sql.rows import Rows, Since
from headwater_runtime.sql.server import Column, Found, Options, Reading, Server, Session
from headwater_runtime.sql.servers import serving
from headwater_runtime.sql.statement import Origin
from headwater_runtime.sql.tunnel import Tunnel
from headwater_runtime.transport import Transport

__all__ = ["Database"]

T = TypeVar("T")
UNSEEN = "check the name of the schema, and whether the user has USAGE on it"
CHUNK = 61_440  # rows a page: two row groups of a local warehouse, which are written once if they are full
LONG_OPEN = timedelta(hours=1)  # a transaction that holds the mark back as long as this is told of


class _Run:
    """What one run shares between its threads: the way through the tunnel, the control connection, and what it learnt."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.server: Server | None = None
        self.control: Session | None = None
        self.forward: Any = None
        self.columns: dict[Any, list[Column]] = {}
        self.found: dict[tuple[str | None, str], Found | None] = {}
        self.idle: list[Reading] = []  # connections that the next reading can have
        self.failed: dict[Origin, SourceError] = {}  # tables whose columns could not be asked for
        self.shared: dict[str, Session] = {}  # sessions that hold a snapshot others read in, by its name


@dataclass(frozen=True)
class Database:
    """A database at `url`: postgresql://, mysql://, sqlite:///, duckdb:///, and any that SQLAlchemy has a dialect for.

    Nothing connects before something is asked. One pass of a stream is one statement in one snapshot; `snapshot=False` reads
    chunk by chunk instead, each a statement of its own, where a transaction must not be held open as long as a pass takes.
    Seconds: `lock_timeout` and `statement_timeout` are the server's (None: its own), `connect_timeout` and, where the driver
    has one, `read_timeout` the client's. `arguments` go to the driver. A lost connection is made anew as `retry` says.
    Raises ConfigError for a URL that is none.
    """

    url: str | sa.URL = field(repr=False)
    tunnel: Tunnel | None = None
    retry: Retry = field(default_factory=Retry)
    snapshot: bool = True
    connect_timeout: float = field(default=10.0, kw_only=True)
    lock_timeout: float | None = field(default=60.0, kw_only=True)
    statement_timeout: float | None = field(default=None, kw_only=True)
    read_timeout: float | None = field(default=600.0, kw_only=True)
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False, kw_only=True)
    fast: bool = field(default=True, kw_only=True)  # Arrow drivers where they are installed
    clock: Clock = field(default_factory=SystemClock, repr=False, kw_only=True)
    log: Log = field(default_factory=Log, repr=False, kw_only=True)
    run: _Run = field(default_factory=_Run, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "url", sa.make_url(self.url))
        except (ArgumentError, ValueError):
            hint = "give it like postgresql://user:password@host:5432/name, special characters of a password percent-quoted"
            raise ConfigError("the address of the database is no URL", where="Database", hint=hint) from None
        require(
            not self.tunnel or self.address.host, "a tunnel needs a host to lead to", "Database", "put it in the URL"
        )

    @property
    def address(self) -> sa.URL:
        """The URL, with the password."""
        return sa.make_url(self.url)

    # -- What a connector describes ------------------------------------------------------------------------------------

    def table(
        self,
        name: str,
        *,
        schema: str | None = None,
        key: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        since: str | Since | None = None,
        chunk: int = CHUNK,
    ) -> Rows:
        """Describe a table or view. `key` None is its primary key; () is none; a view's has to be given.

        `columns` are read beside those of the key and `since`; None: all there are when it is read. `since` is the column with
        the time of a row's last change, a Since where that is in a zone that it does not tell, or a number. `chunk` is the most
        rows of a page.
        """
        origin = Origin(name, self._schema(schema))
        return self._rows(origin, key, columns, since, chunk)

    def query(
        self,
        statement: str,
        *,
        name: str = "",
        key: str | Sequence[str] = (),
        since: str | Since | None = None,
        chunk: int = CHUNK,
    ) -> Rows:
        """Describe the rows of a SELECT, which becomes a subquery; it takes no parameters. `name` is its name in messages.

        With a `key`, unique and never null in its rows, reading can go on in the middle.
        """
        origin = Origin(name or "SELECT", None, statement)
        return self._rows(origin, key, None, since, chunk)

    def tables(
        self, *, schema: str | None = None, include: Sequence[str] = ("*",), exclude: Sequence[str] = ()
    ) -> list[Relation]:
        """Return the tables and views of a schema whose names match a pattern of `include` and none of `exclude`.

        Asks the database. Raises ConfigError for a pattern of `include` that no name matches, and if none is left. One that
        cannot be read, such as one this user may not read, is among them, with its name and key only; to read it raises what
        it failed with, so that nothing is read of it without its types.
        """
        schema = self._schema(schema)
        where = f"schema {schema}" if schema else "the tables"
        found = self.ask(where, lambda session: session.found(schema))
        wanted = [
            one
            for one in found
            if any(fnmatchcase(one.name, pattern) for pattern in include)
            and not any(fnmatchcase(one.name, pattern) for pattern in exclude)
        ]
        for pattern in include:
            if not any(fnmatchcase(one.name, pattern) for one in found):
                what = f"no table or view is called '{pattern}'" if found else "there is no table or view"
                hint = f"there are {', '.join(sorted(one.name for one in found)[:20])}" if found else UNSEEN
                raise ConfigError(what, where=where, hint=hint)
        require(wanted, "all tables and views are excluded", where, "leave one of them out of `exclude`")
        self.run.found.update({(schema, one.name): one for one in wanted})
        return [Relation(one.name, schema, one.key, one.view, self._types(schema, one.name)) for one in wanted]

    def _rows(self, origin: Origin, key: Any, columns: Any, since: str | Since | None, chunk: int) -> Rows:
        require(chunk >= 1, f"chunk={chunk} rows a page bring nothing", origin.where, "give chunk=1 or more")
        given = None if key is None else (key,) if isinstance(key, str) else tuple(key)
        since = Since(since) if isinstance(since, str) else since
        return Rows(self, origin, given, columns and tuple(columns), since, chunk)

    def _types(self, schema: str | None, name: str) -> Mapping[str, Any]:
        try:
            columns = self.columns(Rows(self, Origin(name, schema), None))
        except SourceError as error:
            self.run.failed[Origin(name, schema)] = error
            return {}
        return {column.name: column.declared for column in columns}

    def _schema(self, schema: str | None) -> str | None:
        return schema or None

    # -- What readers ask ----------------------------------------------------------------------------------------------

    @property
    def server(self) -> Server:
        """The server at the address, or at the near end of the tunnel to it."""
        with self.run.lock:
            if self.run.server is None:
                options = Options(
                    self.connect_timeout,
                    self.lock_timeout,
                    self.statement_timeout,
                    self.read_timeout,
                    f"headwater {secrets.token_hex(4)}",
                    tuple(self.arguments.items()),
                )
                near = None
                if self.tunnel is not None:
                    self.run.forward = self.tunnel.opened(self.address, self.connect_timeout)
                    near = self.run.forward.port
                self.run.server = serving(self.address, options, near, fast=self.fast)
            return self.run.server

    def ask(self, where: str, question: Callable[[Session], T]) -> T:
        """Return the answer to `question`, asked over the control connection, and again if that is lost."""
        failures = 0
        with self.run.lock:
            while True:
                try:
                    if self.run.control is None:
                        self.run.control = self.server.ask()
                    return question(self.run.control)
                except Exception as error:  # noqa: BLE001  (`survive` raises what no new connection mends)
                    failures += 1
                    self._hang_up()
                    self.survive(error, failures, where)

    def reader(self, *, careful: bool = False) -> Reading:
        """Return a connection to read with; `careful`: one whose errors tell what they mean."""
        with self.run.lock:
            if self.run.idle and not careful:
                return self.run.idle.pop()
        return self.server.ask() if careful else self.server.open()

    def give_back(self, session: Reading) -> None:
        """Keep a connection that has read to the end for the next reading."""
        with self.run.lock:
            self.run.idle.append(session)

    def survive(self, error: Exception, failures: int, where: str) -> None:
        """Wait, if a new connection may mend `error`, the `failures`-th in a row; else raise what it means."""
        if isinstance(error, HeadwaterError):
            told, passing = error, isinstance(error, TransientError)
        else:
            trouble = self.server.trouble(error, where)
            if trouble is None:
                raise error
            told, passing = trouble.error, trouble.passing
        if not passing or failures >= self.retry.attempts:
            if told is error:
                raise error
            raise _clean(told, self._secrets) from redacted(error, Redactor(self._secrets))
        wait = self.retry.wait(failures, None, self.clock.now())
        self.log.warning(f"{where}: {told.what}; trying again in {wait:.1f} s ({failures} of {self.retry.attempts})")
        self.clock.sleep(wait)

    def columns(self, rows: Rows) -> list[Column]:
        """Return the columns of `rows`: those asked for, or all. Raises SourceError for one that is not there."""
        mark = () if rows.since is None else (rows.since.column,)
        only = () if rows.only is None else tuple(dict.fromkeys((*rows.key, *mark, *rows.only)))
        known = self.run.columns.get((rows.origin, only))
        if known is None:
            if not only and rows.origin in self.run.failed:
                raise self.run.failed[rows.origin]
            known = self._described(rows, only)
            names = [column.name for column in known]
            hidden = [name for name in rows.key if name not in names] if rows.given is None and not only else []
            if hidden:  # a primary key that the table does not show unless it is asked for
                known = self._described(rows, (*names, *hidden))
            self.run.columns[rows.origin, only] = known
        names = [column.name for column in known]
        for name in (*rows.key, *mark):
            if name not in names:
                hint = f"it has {', '.join(names[:20])}: name one of them in sync.py"
                raise SourceError(f"there is no column '{name}'", where=rows.where, hint=hint)
        return known

    def _described(self, rows: Rows, only: Sequence[str]) -> list[Column]:
        source = rows.origin.rows(only)
        wanted = [source.c[name] for name in only] if only else [sa.literal_column("*")]
        nothing = sa.select(*wanted).select_from(source).where(sa.literal_column("1") == sa.literal_column("0"))
        known = self.ask(rows.where, lambda session: session.columns(nothing))
        twice = sorted({one.name for one in known if [other.name for other in known].count(one.name) > 1})
        if twice:
            hint = "give each column of the SELECT a name of its own"
            raise SourceError(f"two columns are called '{twice[0]}'", where=rows.where, hint=hint)
        return known

    def _found(self, origin: Origin) -> Found | None:
        place = origin.schema, origin.name
        if place not in self.run.found:
            found = self.ask(origin.where, lambda session: session.found(*place))
            self.run.found[place] = found[0] if found else None
        return self.run.found[place]

    def look(self, origin: Origin) -> None:
        """Tell, once a run, of a table some rows of which this user cannot see, if the catalog was asked about it."""
        one = None if origin.statement else self.run.found.get((origin.schema, origin.name))
        if one is not None and one.hidden:
            self.run.found[origin.schema, origin.name] = replace(one, hidden=False)
            self.log.warning(
                f"{origin.where}: its row security policies hide rows from this user, and so from the sync"
            )

    def primary_key(self, origin: Origin) -> tuple[str, ...]:
        """Return a table's primary key, () if it has none. Raises SourceError if there is no such table."""
        one = self._found(origin)
        if one is None:
            hint = "compare its name and schema in sync.py with the database, and see that the user may see it"
            raise SourceError("there is no such table or view", where=origin.where, hint=hint)
        return one.key

    def horizon(self, where: str) -> datetime | None:
        """Return the start of the oldest open transaction, at most now by the database's clock; None: it does not tell."""
        oldest = self.ask(where, lambda session: session.horizon())
        if oldest is not None and self.clock.now() - oldest > LONG_OPEN:
            self.log.warning(
                f"{where}: a transaction is open since {oldest}: all since then is read again until it ends"
            )
        return oldest

    def share(self, origin: Origin) -> str:
        """Return the name of a snapshot that several connections can read in, "" if the server has none."""
        session = self.ask(origin.where, lambda _: self.server.ask())
        try:
            session.begin("", origin)
            name = session.share()
        except Exception:  # noqa: BLE001  (then each reads in a snapshot of its own)
            name = ""
        if not name:
            session.close()
            return ""
        with self.run.lock:
            self.run.shared[name] = session
        return name

    def shares(self, name: str) -> bool:
        """Whether the snapshot `name` is held by this run."""
        return name in self.run.shared

    def unshare(self, name: str) -> None:
        """Give up the snapshot `name`."""
        with self.run.lock:
            session = self.run.shared.pop(name, None)
        if session is not None:
            session.close()

    # -- What a run asks -----------------------------------------------------------------------------------------------

    @property
    def kept(self) -> str:
        """Nothing: a database's credential does not change."""
        return ""

    def begin(self, transport: Transport, clock: Clock, log: Log, kept: str | None = "") -> Database:  # noqa: ARG002
        """Return this database made ready for one run."""
        for secret in self._secrets:
            log.mask(secret)
        return replace(self, clock=clock, log=log)

    def sign_in(self) -> None:
        """Nothing: each connection signs in."""

    def try_out(self) -> bool:
        """Connect, so that a wrong password is told as such; the first page says more."""
        self.ask("connection", lambda _: None)
        return False

    def close(self) -> None:
        """End every connection of the run, and the tunnel."""
        with self.run.lock:
            self._hang_up()
            for name in list(self.run.shared):
                self.unshare(name)
            while self.run.idle:
                self.run.idle.pop().close()
            forward, self.run.forward, self.run.server = self.run.forward, None, None
        if forward is not None:
            forward.close()

    def _hang_up(self) -> None:
        control, self.run.control = self.run.control, None
        if control is not None:
            control.close()

    @property
    def _secrets(self) -> list[str]:
        password = self.address.password
        return [*([str(password)] if password else []), *(self.tunnel.secrets if self.tunnel else [])]


def _clean(error: HeadwaterError, secrets_: Sequence[str]) -> HeadwaterError:
    """Return `error` with no password in what a driver said."""
    redact = Redactor(secrets_)
    error.args = tuple(redact(one) if isinstance(one, str) else one for one in error.args)
    return error
