"""A place: where files are, and with which credential."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.errors import HeadwaterError, TransientError, require
from headwater_runtime.log import Log
from headwater_runtime.retry import Retry
from headwater_runtime.storage.entry import Store
from headwater_runtime.storage.format import Format
from headwater_runtime.storage.local import Local
from headwater_runtime.storage.packed import Limits
from headwater_runtime.storage.pattern import Pattern, literal
from headwater_runtime.storage.reading import Columns, Files
from headwater_runtime.storage.trouble import explained
from headwater_runtime.transport import Transport

__all__ = ["Place"]

T = TypeVar("T")
SECRET = re.compile(r"secret|passw|token|key|credential|sas|connection|auth|phrase|headers", re.IGNORECASE)
COLUMNS = Columns()
LIMITS = Limits()


@dataclass(frozen=True, init=False, eq=False)
class Place:
    """A folder, bucket or server by its URL: file, http(s), sftp, ftp(s), s3, gs, az, abfs, or any other fsspec knows.

    `options` are those of the fsspec driver (`key=`, `secret=`, `endpoint_url=`, `token=`, …); for http `headers=` and `auth=`, for
    sftp `username=`, `password=`, `private_key=`, `host_key=`, for ftp `username=`, `password=`. Their values, and what the
    URL holds of a credential, are in no message. Nothing connects before files are read.
    """

    url: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    retry: Retry
    clock: Clock = field(repr=False)
    log: Log = field(repr=False)
    begun: bool = field(repr=False)  # a run has made it ready
    stores: _Stores = field(repr=False)
    kept = ""

    def __init__(self, url: str, *, retry: Retry | None = None, **options: Any) -> None:
        scheme = re.match(r"[a-z][a-z0-9+.-]*://", url, re.IGNORECASE)
        hint = "give one like 's3://bucket/folder'"
        require(url and (scheme or "://" not in url), "a place needs a URL or a folder", "Place(…)", hint)
        values = {"url": url, "options": options, "retry": retry or Retry(), "clock": SystemClock(), "log": Log()}
        _fill(self, **values, begun=False, stores=_Stores())

    @property
    def shown(self) -> str:
        """The URL as a message may show it."""
        if "://" not in self.url:
            return self.url.rstrip("/") or "/"
        scheme, rest = self.url.split("://", 1)
        rest = rest.partition("?")[0] if scheme.lower() in {"http", "https"} else rest
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}".rstrip("/")

    def begin(self, transport: Transport, clock: Clock, log: Log, kept: str | None = "") -> Place:  # noqa: ARG002
        """Return this place ready for one run."""
        userinfo = urlsplit(self.url).netloc.rpartition("@")[0]
        for secret in (*_secrets(self.options), unquote(userinfo.partition(":")[2]), urlsplit(self.url).query):
            log.mask(secret)
        return _fill(Place(self.url, retry=self.retry, **self.options), clock=clock, log=log, begun=True)

    def sign_in(self) -> None:
        """Drivers sign in as they connect."""

    def try_out(self) -> bool:
        """List the first files; a web server may not list at all."""
        if urlsplit(self.url).scheme in {"http", "https"}:
            return False
        flat = self.attempt(lambda: self.store.flat(""), self.shown)
        self.attempt(flat if flat is not None else lambda: next(self.store.scan(""), None), self.shown)
        return True

    def close(self) -> None:
        """End all connections."""
        self.stores.close()

    def files(
        self,
        paths: str | Sequence[str] = "",
        *,
        format: Format | None = None,  # noqa: A002  (the word a reader looks for)
        may_be_empty: bool = False,
        members: str = "",
        columns: Columns = COLUMNS,
        limits: Limits = LIMITS,
    ) -> Files:
        """Describe files below the place: paths with `*`, `**`, `?`, `[…]`, `{name}` and `{day:%Y-%m-%d}`; "": the place is a file.

        Without `format` it is found once in a run, from the first files. `members` says which of a zip's files are read;
        without it those whose names fit the format. Finding no file at all is an error unless they `may_be_empty`.
        """
        place, given = self._above() if paths == "" else (self, paths)
        patterns = tuple(Pattern.of(path) for path in ([given] if isinstance(given, str) else given))
        require(patterns, "no path of files is given", self.shown, "give one like 'orders/*.csv'")
        return Files(place, patterns, format, may_be_empty, members, columns, limits)

    @property
    def store(self) -> Store:
        """The driver of this run. Raises ConfigError while the connector is being declared."""
        what = "files were read while the connector was being declared"
        hint = "only describe them in `streams` and `client`; they are read when the sync runs"
        require(self.begun, what, self.shown, hint)
        return self.stores.of(self.url, self.options)

    def attempt(self, function: Callable[[], T], where: str) -> T:
        """Return what `function` returns, asking again as `retry` has it. Raises what its failure means at `where`."""
        begun, failures = self.clock.monotonic(), 0
        while True:
            try:
                return function()
            except HeadwaterError:
                raise  # somebody has judged it already
            except Exception as error:
                failures += 1
                meant = explained(error, where)
                wait = self.retry.wait(failures, None, self.clock.now())
                late = self.clock.monotonic() - begun + wait > self.retry.deadline
                if not isinstance(meant, TransientError) or failures >= self.retry.attempts or late:
                    raise meant from error
                self.log.debug(f"{where}: {meant.what}, again in {wait:.0f} s")
            self.clock.sleep(wait)

    def _above(self) -> tuple[Place, str]:
        """Return the folder of the file that this place is, and the file's pattern."""
        head, query, tail = (
            self.url.partition("?") if urlsplit(self.url).scheme in {"http", "https"} else (self.url, "", "")
        )
        folder, slash, name = head.rstrip("/").rpartition("/")
        require(
            slash and name and not folder.endswith(":/"),
            "the place is no file",
            self.shown,
            "give the paths of the files",
        )
        url = folder + query + tail
        place = Place(url, retry=self.retry, **self.options)
        _fill(place, clock=self.clock, log=self.log, begun=self.begun, stores=self.stores)
        return place, literal(unquote(name) if urlsplit(url).scheme in {"http", "https"} else name)


def _fill(place: Place, **values: Any) -> Place:
    for name, value in values.items():
        object.__setattr__(place, name, value)
    return place


class _Stores:
    """The stores of one run, by URL."""

    def __init__(self) -> None:
        self._made: dict[str, Store] = {}
        self._lock = threading.Lock()

    def of(self, url: str, options: Mapping[str, Any]) -> Store:
        with self._lock:
            if url not in self._made:
                self._made[url] = _store(url, options)
            return self._made[url]

    def close(self) -> None:
        with self._lock:
            while self._made:
                self._made.popitem()[1].close()


def _store(url: str, options: Mapping[str, Any]) -> Store:
    scheme = url.split("://", maxsplit=1)[0].lower() if "://" in url else "file"
    if scheme in {"file", "local"}:
        path = os.path.abspath(os.path.expanduser(url.rsplit("://", maxsplit=1)[-1]))  # noqa: PTH100, PTH111  (a path is text here)
        return Local("" if path == "/" else path)
    split = urlsplit(url)
    if scheme in {"http", "https"}:
        from headwater_runtime.storage.web import Web  # noqa: PLC0415

        host = split.netloc.rpartition("@")[2]
        auth = {"auth": (unquote(split.username), unquote(split.password or ""))} if split.username else {}
        return Web(f"{scheme}://{host}{split.path.rstrip('/')}", split.query, {**auth, **options})
    if scheme in {"sftp", "ssh", "ftp", "ftps"}:
        from headwater_runtime.storage.served import Ftp, Sftp  # noqa: PLC0415

        path = url.split("://", 1)[1].partition("/")[2].rstrip("/")
        return (Sftp if scheme in {"sftp", "ssh"} else Ftp)(split, f"/{path}" if path else "", options)
    from headwater_runtime.storage.objects import Objects  # noqa: PLC0415

    return Objects(url, options)


def _secrets(options: Mapping[str, Any], *, within: bool = False) -> list[str]:
    """Return the texts among `options` that may be a credential."""
    found: list[str] = []
    for name, value in options.items():
        secret = within or SECRET.search(name) is not None
        if isinstance(value, Mapping):
            found += _secrets(value, within=name == "headers")
        elif secret:
            found += [one for one in (value if isinstance(value, (tuple, list)) else [value]) if isinstance(one, str)]
    return [one for one in found if len(one) > 3]
