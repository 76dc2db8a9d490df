"""Object stores, and whatever else fsspec has a driver for."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from headwater_runtime.errors import ConfigError
from headwater_runtime.storage.entry import Attempt, Entry, microseconds
from headwater_runtime.storage.ranged import Ranged

__all__ = ["Objects"]

TIMES = ("LastModified", "last_modified", "updated", "mtime", "timeModified", "modified", "created")
TAGS = ("ETag", "etag", "generation", "md5Hash", "content_md5", "checksum")
DRIVERS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}


class Objects:
    """A place of fsspec. Its own caches and repeated tries are put out of action: a listing is of now, tries are ours."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._fs, self._root = _opened(url, options)
        self._s3 = self.firm = hasattr(self._fs, "call_s3")
        if self._s3:
            self._fs.retries = 1

    def scan(self, folder: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield what is in a folder, which the driver lists whole."""
        whole = self._of(folder)
        for told in self._fs.ls(whole, detail=True):
            name = str(told["name"]).rstrip("/").removeprefix(whole.rstrip("/") + "/")
            if not name or "/" in name or name == whole:
                continue
            path = f"{folder}/{name}" if folder else name
            yield name, None if told.get("type") == "directory" else _entry(path, told)

    def flat(self, folder: str) -> Callable[[], list[Entry] | None] | None:
        """List by thousands, on S3: a folder of a million files is never in memory."""
        return _Pages(self._fs, self._root, folder) if self._s3 else None

    def stat(self, path: str) -> Entry:
        """Ask for one file."""
        told = self._fs.info(self._of(path))
        if told.get("type") == "directory":
            raise FileNotFoundError(path)
        return _entry(path, told)

    def canonical(self, folder: str) -> str:
        """Return it as it is."""
        return folder

    def open(self, entry: Entry, attempt: Attempt, where: str) -> IO[bytes]:
        """Read it by ranges."""
        whole = self._of(entry.path)
        size = entry.size if entry.size >= 0 else int(attempt(lambda: self._fs.info(whole), where)["size"])

        def fetch(start: int, end: int) -> bytes:
            return (
                self._part(whole, entry.tag, start, end)
                if self._s3
                else bytes(self._fs.cat_file(whole, start=start, end=end))
            )

        return io.BufferedReader(Ranged(size, fetch, attempt, where), 1 << 17)

    def close(self) -> None:
        """Close the driver's session, if it has one."""
        session = getattr(self._fs, "_s3", None) if self._s3 else getattr(self._fs, "_session", None)
        close = getattr(self._fs, "close_session", None)
        if session is not None and close is not None:
            close(self._fs.loop, session)

    def _part(self, whole: str, tag: str, start: int, end: int) -> bytes:
        """Return a range of an object, nothing of one with another tag. The driver's own `cat_file` does not tell the tag."""
        from fsspec.asyn import sync  # noqa: PLC0415

        bucket, key, _ = self._fs.split_path(whole)

        async def got() -> bytes:
            answer = await self._fs._call_s3("get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")  # noqa: SLF001
            try:
                another = tag and answer.get("ETag", tag).strip('"') != tag
                return b"" if another else bytes(await answer["Body"].read())
            finally:
                answer["Body"].close()

        return bytes(sync(self._fs.loop, got))

    def _of(self, path: str) -> str:
        return f"{self._root}/{path}" if self._root and path else self._root or path


class _Pages:
    """A listing of S3, a thousand a call."""

    def __init__(self, fs: Any, root: str, folder: str) -> None:
        bucket, above, _ = fs.split_path(root)
        self._fs, self._above = fs, f"{above}/" if above else ""
        self._asked: dict[str, str] = {"Bucket": bucket, "Prefix": self._above + (f"{folder}/" if folder else "")}
        self._ended = False

    def __call__(self) -> list[Entry] | None:
        if self._ended:
            return None
        answer = self._fs.call_s3("list_objects_v2", **self._asked)
        if "IsTruncated" not in answer:  # every store says it: an answer without is a proxy's page, not an empty bucket
            raise ConnectionError("the answer is no listing")
        self._ended = not answer.get("IsTruncated")
        if not self._ended:
            self._asked["ContinuationToken"] = answer["NextContinuationToken"]
        return [
            Entry(
                told["Key"][len(self._above) :],
                int(told["Size"]),
                microseconds(told["LastModified"]),
                told.get("ETag", "").strip('"'),
            )
            for told in answer.get("Contents", ())
            if not told["Key"].endswith("/")
        ]


def _opened(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    import fsspec  # noqa: PLC0415  (a local or served folder does not need it)

    scheme = url.split(":", maxsplit=1)[0]
    options = {"skip_instance_cache": True, "use_listings_cache": False, **options}
    if scheme in {"s3", "s3a"}:
        retries = {"retries": {"max_attempts": 0}}
        options["config_kwargs"] = {
            "connect_timeout": 10,
            "read_timeout": 60,
            **retries,
            **options.get("config_kwargs", {}),
        }
    try:
        fs, root = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        hint = f"add {DRIVERS.get(scheme, 'its driver')} to requirements.txt"
        raise ConfigError(f"no driver for {scheme}:// is installed", where=f"{scheme}://…", hint=hint) from error
    except (ValueError, TypeError) as error:
        hint = "compare the url and the options of Place(…) with those of the fsspec driver"
        raise ConfigError(
            f"the place cannot be opened ({type(error).__name__})", where=f"{scheme}://…", hint=hint
        ) from None
    return fs, str(root).rstrip("/")


def _entry(path: str, told: Mapping[str, Any]) -> Entry:
    size = told.get("size")
    stamp = next((found for name in TIMES if (found := microseconds(told.get(name)))), 0)
    tag = next((str(told[name]) for name in TAGS if told.get(name)), "")
    return Entry(path, -1 if size is None else int(size), stamp, tag.strip('"'))
