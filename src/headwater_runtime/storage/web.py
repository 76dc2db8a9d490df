"""Files a web server gives: by ranges where it can, and listed where it shows an index with links."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit
from weakref import WeakSet

from headwater_runtime.errors import ConfigError, ContractError, require
from headwater_runtime.storage.entry import Attempt, Entry, microseconds
from headwater_runtime.storage.ranged import CutError, Ranged, fetched

if TYPE_CHECKING:
    import requests

__all__ = ["Web"]

INDEX = 64_000_000  # bytes of an index
OPTIONS = frozenset({"headers", "auth", "timeout", "verify", "cert"})


class Web:
    """A folder of a web server. `query` is put behind every address: a signature, say.

    A redirect is followed within the host only, so that neither header nor query goes anywhere else.
    """

    firm = True

    def __init__(self, root: str, query: str, options: Mapping[str, Any]) -> None:
        unknown = ", ".join(sorted(set(options) - OPTIONS))
        require(not unknown, f"a web place has no option {unknown}", root, f"it has {', '.join(sorted(OPTIONS))}")
        self._root, self._query = root, f"?{query}" if query else ""
        self._headers = {"Accept-Encoding": "identity", **options.get("headers", {})}
        auth = options.get("auth")
        self._asks = {
            "auth": tuple(auth) if auth else None,
            "verify": options.get("verify", True),
            "cert": options.get("cert"),
        }
        self._timeout = options.get("timeout", (10, 60))
        self._own = threading.local()
        self._sessions: WeakSet[requests.Session] = WeakSet()  # each goes with its thread, of which each file has one

    def scan(self, folder: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield what an index links to: files of which nothing is known but the name."""
        address = self._address(folder).partition("?")[0].rstrip("/") + "/"
        with self._ask("GET", address + self._query) as answer:
            body = answer.raw.read(INDEX + 1)
        if len(body) > INDEX:
            raise ContractError("the index is too large", where=address, hint="name the files in api.py")
        if len(body) < int(answer.headers.get("content-length", 0)):
            raise CutError("the index was cut short")
        links = _Links()
        links.feed(body.decode("utf-8", "replace"))
        base = urlsplit(address)
        seen = set()
        for link in links.found:
            target = urlsplit(urljoin(address, link))
            name = unquote(target.path.removeprefix(base.path))
            inside = (
                target.netloc == base.netloc and target.path.startswith(base.path) and (not target.query or self._query)
            )
            if inside and name and "/" not in name.rstrip("/") and name not in seen:
                seen.add(name)
                plain = name.rstrip("/")
                yield plain, None if name.endswith("/") else Entry(f"{folder}/{plain}" if folder else plain, -1, 0, "")

    def flat(self, folder: str) -> None:
        """Give nothing: an index shows one folder."""

    def stat(self, path: str) -> Entry:
        """Ask for a file's head; some servers give it with the body only."""
        try:
            with self._ask("HEAD", self._address(path)) as answer:
                return _entry(path, answer)
        except _StatusError as error:
            if error.status not in {403, 405, 501}:
                raise
        with self._ask("GET", self._address(path), {"Range": "bytes=0-0"}) as answer:
            return _entry(path, answer)

    def canonical(self, folder: str) -> str:
        """Return it as it is."""
        return folder

    def open(self, entry: Entry, attempt: Attempt, where: str) -> IO[bytes]:
        """Read it by ranges; whole into a temporary file where the server does not know them or the size."""
        address = self._address(entry.path)
        if entry.size > 0:
            with attempt(lambda: self._ask("GET", address, {"Range": "bytes=0-0"}), where) as answer:
                ranges = answer.status_code == 206
            if ranges:
                return io.BufferedReader(
                    Ranged(entry.size, lambda a, b: self._range(entry, a, b), attempt, where), 1 << 17
                )
        return fetched(lambda file, begin: self._whole(entry, file, begin), entry.size, attempt, where)

    def close(self) -> None:
        """Close the connections of all threads."""
        for session in list(self._sessions):
            session.close()

    def _address(self, path: str) -> str:
        return (self._root + "/" + quote(path) if path else self._root) + self._query

    def _range(self, entry: Entry, start: int, end: int) -> bytes:
        with self._ask("GET", self._address(entry.path), {"Range": f"bytes={start}-{end - 1}"}) as answer:
            there = answer.status_code == 206 and entry.same(_entry(entry.path, answer))
            return bytes(answer.raw.read(end - start)) if there else b""

    def _whole(self, entry: Entry, file: IO[bytes], begin: int) -> None:
        file.seek(0)
        file.truncate()
        del begin  # a server without ranges cannot go on
        with self._ask("GET", self._address(entry.path)) as answer:
            for piece in answer.iter_content(1 << 18):
                file.write(piece)
            if not entry.same(replace(_entry(entry.path, answer), size=-1)):  # which a head may tell wrongly
                raise CutError("another file came")

    def _ask(self, method: str, address: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        import requests  # noqa: PLC0415

        session = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = requests.Session()
            session.trust_env = False  # a .netrc must not add a credential
            self._sessions.add(session)
        for _ in range(5):
            answer = session.request(
                method, address, headers={**self._headers, **(headers or {})}, stream=True, timeout=self._timeout,
                allow_redirects=False, **self._asks,
            )  # fmt: skip
            if answer.status_code not in {301, 302, 303, 307, 308} or "location" not in answer.headers:
                break
            target = urljoin(address, answer.headers["location"])
            answer.close()
            if urlsplit(target).netloc != urlsplit(address).netloc:
                hint = "give the address it leads to, if that is meant"
                raise ConfigError("the server sends us to another host", where=address.partition("?")[0], hint=hint)
            address = target
        if answer.status_code >= 300:
            answer.close()
            raise _StatusError(answer.status_code)
        return answer


class _StatusError(OSError):
    """An answer that gives no file."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _entry(path: str, answer: requests.Response) -> Entry:
    headers = answer.headers
    size = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
    packed = headers.get("content-encoding", "identity") not in {"", "identity"}
    try:
        stamp = microseconds(parsedate_to_datetime(headers["last-modified"])) if "last-modified" in headers else 0
    except (TypeError, ValueError):
        stamp = 0
    return Entry(path, int(size) if size.isdigit() and not packed else -1, stamp, headers.get("etag", "").strip('"'))
