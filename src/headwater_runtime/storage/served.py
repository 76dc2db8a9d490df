"""Files of SFTP and FTP servers, over connections that serve one thread at a time."""

from __future__ import annotations

import base64
import ftplib
import hashlib
import io
import re
import ssl
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, Generic, TypeVar
from urllib.parse import SplitResult, unquote

from headwater_runtime.errors import ConfigError, require
from headwater_runtime.storage.entry import Attempt, Entry, microseconds
from headwater_runtime.storage.ranged import Ranged, fetched

__all__ = ["Ftp", "Sftp"]

C = TypeVar("C")
SILENCE = 60.0  # seconds without an answer, after which a connection is given up
BLOCK = 4_000_000  # bytes of one SFTP range: it is asked for in pieces that are all on their way


class Line(Generic[C]):
    """Connections of one server: lent to a thread, kept for the next one, thrown away after a failure."""

    def __init__(self, connect: Callable[[], C], end: Callable[[C], None]) -> None:
        self._connect, self._end = connect, end
        self._idle: list[C] = []
        self._lock = threading.Lock()

    @contextmanager
    def lent(self) -> Iterator[C]:
        """Lend a connection; what fails on it ends it."""
        with self._lock:
            one = self._idle.pop() if self._idle else None
        one = self._connect() if one is None else one
        try:
            yield one
        except BaseException:
            self._end(one)
            self.close()  # the server may have ended those that wait too
            raise
        with self._lock:
            self._idle.append(one)

    def close(self) -> None:
        """End those that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            self._end(one)


class Sftp:
    """A folder of an SSH server.

    `host_key` is the fingerprint of the server's key, "SHA256:…"; without it the key must be in the machine's known hosts.
    `private_key` is the text of a key. Other options go to paramiko's `connect`.
    """

    firm = True

    def __init__(self, url: SplitResult, root: str, options: Mapping[str, Any]) -> None:
        self._root = root
        own = {"host_key", "private_key"}
        self._key, self._private = str(options.get("host_key", "")), str(options.get("private_key", ""))
        found = {"hostname": url.hostname, "port": url.port or 22, "username": unquote(url.username or "") or None}
        found["password"] = unquote(url.password) if url.password else None
        more: dict[str, Any] = {name: value for name, value in options.items() if name not in own}
        self._asked = {"timeout": 15, "banner_timeout": 15, "auth_timeout": 15, **found, **more}
        self._where = f"sftp://{url.hostname}"
        self._line: Line[Any] = Line(self._connect, _hang_up)

    def scan(self, folder: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield what is in a folder as it comes; links are looked through afterwards."""
        links = []
        with self._line.lent() as (_, sftp):
            for told in sftp.listdir_iter(self._of(folder)):
                path = f"{folder}/{told.filename}" if folder else told.filename
                kind = stat.S_IFMT(told.st_mode or stat.S_IFREG)
                if kind == stat.S_IFLNK:
                    links.append((told.filename, path))
                elif kind in {stat.S_IFDIR, stat.S_IFREG}:
                    yield told.filename, None if kind == stat.S_IFDIR else _sftp_entry(path, told)
            for name, path in links:
                try:
                    told = sftp.stat(self._of(path))
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if error.errno is not None:
                        raise
                    sftp.stat(
                        self._of(folder)
                    )  # a server that answers this has a word against the link: it leads to itself
                    continue
                if stat.S_ISDIR(told.st_mode or 0) or stat.S_ISREG(told.st_mode or 0):
                    yield name, None if stat.S_ISDIR(told.st_mode or 0) else _sftp_entry(path, told)

    def flat(self, folder: str) -> None:
        """Give nothing: folders are walked."""

    def stat(self, path: str) -> Entry:
        """Ask for one file."""
        with self._line.lent() as (_, sftp):
            told = sftp.stat(self._of(path))
        if stat.S_ISDIR(told.st_mode or 0):
            raise FileNotFoundError(path)
        return _sftp_entry(path, told)

    def canonical(self, folder: str) -> str:
        """Ask the server for the path without links."""
        with self._line.lent() as (_, sftp):
            return str(sftp.normalize(self._of(folder)))

    def open(self, entry: Entry, attempt: Attempt, where: str) -> IO[bytes]:
        """Read it by ranges."""
        whole = self._of(entry.path)

        def fetch(start: int, end: int) -> bytes:
            with self._line.lent() as (_, sftp):
                with sftp.open(whole, "rb") as file:
                    if (file.stat().st_size or 0) < end:
                        return b""  # it became shorter: paramiko would wait for ever for what lies behind the end
                    found = b"".join(file.readv([(at, min(32_768, end - at)) for at in range(start, end, 32_768)]))
                return found if entry.same(_sftp_entry(entry.path, sftp.stat(whole))) else b""

        if entry.size > 0:
            attempt(lambda: fetch(0, 1), where)  # whether it may be read is told here
        return io.BufferedReader(Ranged(entry.size, fetch, attempt, where, BLOCK), 1 << 17)

    def close(self) -> None:
        """End the idle connections."""
        self._line.close()

    def _of(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root or "/"

    def _connect(self) -> tuple[Any, Any]:
        try:
            import paramiko  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                "paramiko is not installed", where=self._where, hint="add it to requirements.txt"
            ) from error
        client = paramiko.SSHClient()
        client.load_system_host_keys()
        client.set_missing_host_key_policy(_policy(paramiko, self._key, self._where))
        asked = dict(self._asked)
        if self._private:
            asked["pkey"] = _private(paramiko, self._private, asked.pop("passphrase", None), self._where)
        if asked.get("password") or self._private:
            asked = {"look_for_keys": False, "allow_agent": False, **asked}
        try:
            client.connect(**asked)
            sftp = client.open_sftp()
            sftp.get_channel().settimeout(SILENCE)
        except BaseException:
            client.close()
            raise
        return client, sftp


def _policy(paramiko: Any, wanted: str, where: str) -> Any:
    """Return what decides on a server key that is not among the known hosts: only the one pinned will do."""

    class Pinned(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko is imported late
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:  # noqa: ARG002
            digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
            if not wanted:
                hint = f"if its owner gives the same one, declare host_key='SHA256:{digest}'"
                raise ConfigError(f"the server's key is not known; it shows {key.get_name()}", where=where, hint=hint)
            if wanted.removeprefix("SHA256:").rstrip("=") != digest:
                hint = "ask the server's owner before anything else: it may be another server in its place"
                raise ConfigError(
                    f"the server shows another key than host_key: SHA256:{digest}", where=where, hint=hint
                )

    return Pinned()


def _private(paramiko: Any, text: str, phrase: str | None, where: str) -> Any:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError, IndexError, UnicodeDecodeError):
            return kind.from_private_key(io.StringIO(text.strip() + "\n"), password=phrase)
    hint = "give the whole text of an Ed25519, ECDSA or RSA key in OpenSSH or PEM form, with passphrase= if it has one"
    raise ConfigError("private_key cannot be read", where=where, hint=hint)


def _hang_up(pair: tuple[Any, Any]) -> None:
    with suppress(Exception):
        pair[0].close()


def _sftp_entry(path: str, told: Any) -> Entry:
    return Entry(path, int(told.st_size or 0), int(told.st_mtime or 0) * 1_000_000, "")


class Ftp:
    """A folder of an FTP server; ftps:// asks for TLS on both lines."""

    firm = False

    def __init__(self, url: SplitResult, root: str, options: Mapping[str, Any]) -> None:
        known = {"username", "password", "timeout", "encoding", "port", "passive"}
        unknown = ", ".join(sorted(set(options) - known))
        where = f"{url.scheme}://{url.hostname}"
        require(not unknown, f"an FTP place has no option {unknown}", where, f"it has {', '.join(sorted(known))}")
        self._root, self._url, self._options = root, url, options
        self._line: Line[ftplib.FTP] = Line(self._connect, _quit)
        self._true: dict[str, str] = {}  # of folders that wait to be entered

    def scan(self, folder: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield what is in a folder, by MLSD: only that tells sizes and times as numbers."""
        with self._line.lent() as ftp:
            ftp.cwd(self._of(folder))
            try:
                found = list(ftp.mlsd(facts=["type", "size", "modify", "unique"]))
            except ftplib.error_perm as error:
                if str(error)[:3] not in {"500", "502", "504"}:
                    raise
                hint = "name the files in api.py, each without a blank: they are then asked for one by one"
                raise ConfigError(
                    "the server does not know MLSD, so nothing is listed", where=self._root, hint=hint
                ) from error
        for name, facts in found:
            kind = facts.get("type", "").lower()
            path = f"{folder}/{name}" if folder else name
            if kind in {"dir", "file"} and name not in {".", ".."}:
                if kind == "dir" and facts.get("unique"):
                    self._true[path] = facts["unique"]
                yield (
                    name,
                    None
                    if kind == "dir"
                    else Entry(path, int(facts.get("size", -1)), _moment(facts.get("modify", "")), ""),
                )

    def flat(self, folder: str) -> None:
        """Give nothing: folders are walked."""

    def stat(self, path: str) -> Entry:
        """Ask for size and time of one file."""
        whole = self._of(path)
        with self._line.lent() as ftp:
            ftp.voidcmd("TYPE I")
            size = ftp.size(whole)
            try:
                told = ftp.sendcmd(f"MDTM {whole}")
            except ftplib.error_perm as error:
                if str(error)[:3] not in {"500", "502", "504"}:
                    raise
                told = ""
        return Entry(path, -1 if size is None else size, _moment(told[4:].strip()), "")

    def canonical(self, folder: str) -> str:
        """Return what the server tells folders apart by, if it does: FTP shows no links."""
        known = self._true.pop(folder, "")
        if not known:
            with suppress(ftplib.error_perm), self._line.lent() as ftp:
                ftp.sendcmd("OPTS MLST unique;")
                told = re.search(r"unique=([^;]+);", ftp.sendcmd(f"MLST {self._of(folder)}"), re.IGNORECASE)
                known = told[1] if told else ""
        return known or folder

    def open(self, entry: Entry, attempt: Attempt, where: str) -> IO[bytes]:
        """Fetch it whole: a server has one transfer a connection, and few can jump."""
        whole = self._of(entry.path)

        def fetch(file: IO[bytes], begin: int) -> None:
            try:
                with self._line.lent() as ftp:
                    ftp.retrbinary(f"RETR {whole}", file.write, rest=begin or None)
            except ftplib.error_perm as error:
                if begin:  # maybe it cannot go on in the middle: next time from the beginning
                    file.seek(0)
                    file.truncate()
                    raise ConnectionError("the server does not go on") from None
                if str(error).startswith("550"):  # it is gone, which this raises too, or closed to us
                    self.stat(entry.path)
                    raise PermissionError("the server does not give it") from error
                raise

        return fetched(fetch, entry.size, attempt, where)

    def close(self) -> None:
        """End the idle connections."""
        self._line.close()

    def _of(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root or "/"

    def _connect(self) -> ftplib.FTP:
        options, url = self._options, self._url
        more: dict[str, Any] = {
            "timeout": float(options.get("timeout", 30)),
            "encoding": str(options.get("encoding", "utf-8")),
        }
        if url.scheme == "ftps":
            more["context"] = ssl.create_default_context()
        ftp = ftplib.FTP_TLS(**more) if url.scheme == "ftps" else ftplib.FTP(**more)  # noqa: S321  (who uses it knows)
        try:
            ftp.connect(url.hostname or "", int(options.get("port") or url.port or 21))
            user = str(options.get("username") or unquote(url.username or ""))
            ftp.login(user, str(options.get("password") or unquote(url.password or "")))
            if isinstance(ftp, ftplib.FTP_TLS):
                ftp.prot_p()
            ftp.set_pasv(bool(options.get("passive", True)))
        except BaseException:
            ftp.close()
            raise
        return ftp


def _quit(ftp: ftplib.FTP) -> None:
    with suppress(Exception):
        ftp.close()


def _moment(text: str) -> int:
    """Return what MLSD and MDTM tell: 20250131235959, in UTC, maybe with a fraction."""
    digits, _, fraction = text.partition(".")
    if len(digits) != 14 or not digits.isdigit():
        return 0
    iso = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}+00:00"
    return microseconds(iso) + (int(fraction[:6].ljust(6, "0")) if fraction.isdigit() else 0)
