"""What is remembered of files: the latest one by one, the older ones in runs, each with a count and a sum.

Files are in the order of (modified, path). A run is a stretch of that order: what is in it is known by how many files were
folded into it and by the sum, modulo 2¹²⁸, of the digests of path and identity. A listing whose files of the stretch, those
remembered one by one left out, have that count and sum shows the same files: all are seen. Else nothing says which one is
another, and the stretch is read again. Two listings with one sum by chance: 2⁻¹²⁸. No answer is ever "perhaps seen".
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from headwater_runtime.errors import ConfigError
from headwater_runtime.storage.entry import Entry
from headwater_runtime.storage.listing import raw

__all__ = ["EXACT", "Known", "Seen", "identity", "spelt", "unspelt"]

EXACT = 20_000  # files remembered one by one
SLACK = 10_000  # more of them before the oldest are folded: that is then done seldom
NEW = 1_000  # changes before what is remembered one by one is packed anew
RUNS = 4_096  # runs at most: two neighbours become one beyond
SHORTEST = 64  # files of a run, until runs are merged
EXACT_BYTES, RUN_BYTES = 600_000, 300_000  # of text in the state
ALL_BYTES = 4_000_000  # where every file must be remembered
WORD = 1 << 128


class Known(NamedTuple):
    """One file: the digest of its identity, and when it was modified.

    `rows` are those of it that may be at the destination, by member of a zip ("": the file itself); `settled`: all of this
    identity are.
    """

    id: str
    stamp: int
    rows: Mapping[str, int]
    settled: bool


@dataclass
class Run:
    """Files up to and with (`stamp`, `path`) that are later than those of the run before."""

    stamp: int
    path: bytes
    count: int
    sum: int


class Seen:
    """The files of one stream. `whole`: none is ever folded, so that each can be told by name when it is gone.

    `exact`, `slack`, `shortest` and `runs` are the sizes above.
    """

    def __init__(
        self,
        saved: Mapping[str, Any],
        *,
        whole: bool = False,
        exact: int = EXACT,
        slack: int = SLACK,
        shortest: int = SHORTEST,
        runs: int = RUNS,
    ) -> None:
        self._whole, self._most, self._slack, self._most_runs = whole, exact, slack, runs
        self.exact: dict[str, Known] = _unpacked_exact(saved.get("files", ""))
        new, less = saved.get("new", {}), saved.get("less", ())
        self.exact |= {unspelt(path): _read(told) for path, told in new.items()}
        for path in less:
            self.exact.pop(unspelt(path), None)
        # Who must know every file by its name reads those anew that were folded before it had to.
        self._runs = [] if whole else _unpacked_runs(saved.get("runs", ""))
        self._packed = {
            name: saved[name] for name in ("files", "runs") if name in saved and (name == "files" or self._runs)
        }
        self._new: dict[str, None] = dict.fromkeys(map(unspelt, new))  # since the exact ones were packed
        self._less: dict[str, None] = dict.fromkeys(map(unspelt, less))
        self._length = max([shortest, *(run.count for run in self._runs)])

    @property
    def count(self) -> int:
        """How many files are remembered, in one way or the other."""
        return len(self.exact) + sum(run.count for run in self._runs)

    def unseen(self, entries: Iterable[Entry], met: set[str]) -> Iterator[Entry]:
        """Yield those of `entries`, which are in order, that are to be read; put into `met` those known one by one.

        A run that is not as it was is emptied: its files are to be read. To be taken to the end before anything is noted.
        """
        place, held = 0, list[tuple[Entry, bool]]()
        for entry in entries:
            key = entry.stamp, raw(entry.path)
            while place < len(self._runs) and key > (self._runs[place].stamp, self._runs[place].path):
                yield from self._changed(self._runs[place], held)
                place, held = place + 1, []
            known = self.exact.get(entry.path)
            if known is not None:
                met.add(entry.path)
                if known.settled and known.id == identity(entry) and not entry.blind:
                    continue
                self.note(entry.path, known._replace(settled=False))  # what it was must not be folded before it is read
            if entry.blind or place == len(self._runs):
                yield entry
            else:
                held.append((entry, known is None))
        for run in self._runs[place:]:
            yield from self._changed(run, held)
            held = []

    def note(self, path: str, known: Known) -> None:
        """Remember a file."""
        self.exact[path] = known
        self._new[path] = None
        self._less.pop(path, None)

    def forget(self, path: str) -> None:
        """Forget a file that is remembered by name."""
        del self.exact[path]
        self._new.pop(path, None)
        self._less[path] = None

    def fold(self) -> None:
        """Put the oldest files into runs, if there are too many to be remembered one by one."""
        if not self._whole and len(self.exact) > self._most + self._slack:
            self._fold(self._most)

    def saved(self) -> dict[str, Any]:
        """Return the state. Raises ConfigError where every file must be remembered and that is too much."""
        if "runs" not in self._packed and self._runs:
            self._pack_runs()
        if len(self._new) + len(self._less) > NEW or (self.exact and "files" not in self._packed):
            self._pack()
        more = {
            "new": {spelt(path): _written(self.exact[path]) for path in self._new},
            "less": [*map(spelt, self._less)],
        }
        return {**self._packed, **{name: value for name, value in more.items() if value}}

    def _pack(self) -> None:
        text = _packed_exact(self.exact)
        if self._whole and len(text) > ALL_BYTES:
            what = f"{len(self.exact):,} files are too many to be remembered one by one"
            raise ConfigError(what, where="Manifest", hint="drop delete_vanished in sync.py, or split the stream")
        while not self._whole and len(text) > EXACT_BYTES and self._fold(len(self.exact) * 3 // 4):
            text = _packed_exact(self.exact)
            self._pack_runs()
        self._packed["files"] = text
        self._new, self._less = {}, {}

    def _pack_runs(self) -> None:
        while len(self._runs) > self._most_runs or len(text := _packed_runs(self._runs)) > RUN_BYTES:
            self._runs = [_merged(self._runs[place : place + 2]) for place in range(0, len(self._runs), 2)]
            self._length *= 2
        self._packed["runs"] = text

    def _fold(self, keep: int) -> bool:
        """Fold all but `keep` files, the oldest; False if none may be: those not wholly read never are."""
        order = sorted((known.stamp, path) for path, known in self.exact.items() if known.settled)
        folded = order[: max(0, len(self.exact) - keep)]
        for stamp, path in folded:
            name = raw(path)
            self._into_a_run(stamp, name, summand(name, self.exact.pop(path).id))
        if folded:
            self._packed.clear()
        return bool(folded)

    def _changed(self, run: Run, held: list[tuple[Entry, bool]]) -> Iterator[Entry]:
        """Yield what is to be read of a run that `held` are the files of; (…, False) is known one by one, and has changed."""
        counted = [entry for entry, unknown in held if unknown]
        if (
            len(counted) == run.count
            and sum(summand(raw(one.path), identity(one)) for one in counted) % WORD == run.sum
        ):
            yield from (entry for entry, unknown in held if not unknown)
            return
        run.count = run.sum = 0
        self._packed.pop("runs", None)
        yield from (entry for entry, _ in held)

    def _into_a_run(self, stamp: int, name: bytes, value: int) -> None:
        place = bisect_left(self._runs, (stamp, name), key=lambda run: (run.stamp, run.path))
        if place == len(self._runs):
            last = self._runs[-1] if self._runs else None
            if last is None or last.count >= self._length:
                self._runs.append(Run(stamp, name, 1, value))
                return
            place, last.stamp, last.path = place - 1, stamp, name
        run = self._runs[place]
        run.count, run.sum = run.count + 1, (run.sum + value) % WORD


def identity(entry: Entry) -> str:
    """Return the digest of what a file is, but for its path."""
    return hashlib.blake2b(entry.identity.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def summand(name: bytes, told: str) -> int:
    """Return what a file adds to the sum of its run."""
    return int.from_bytes(hashlib.blake2b(name + b"\0" + told.encode(), digest_size=16).digest(), "little")


def spelt(path: str) -> str:
    """Return a path as any JSON can hold it: what is no Unicode in hex, behind a NUL, which no path has."""
    try:
        return path.encode().decode()
    except UnicodeEncodeError:
        return "\0" + raw(path).hex()


def unspelt(text: str) -> str:
    """Return the path that `spelt` wrote."""
    return bytes.fromhex(text[1:]).decode("utf-8", "surrogateescape") if text.startswith("\0") else text


def _merged(runs: list[Run]) -> Run:
    return Run(runs[-1].stamp, runs[-1].path, sum(run.count for run in runs), sum(run.sum for run in runs) % WORD)


def _written(known: Known) -> list[Any]:
    rows: Any = known.rows[""] if set(known.rows) == {""} else dict(known.rows)
    return [known.id, known.stamp, rows, *([] if known.settled else [0])]


def _read(told: list[Any]) -> Known:
    rows = told[2] if isinstance(told[2], dict) else {"": told[2]}
    return Known(told[0], told[1], rows, len(told) == 3)


def _packed_exact(exact: Mapping[str, Known]) -> str:
    """Return the files as text: column by column, in order, times as differences, so that it packs well."""
    order = sorted(exact, key=lambda path: (exact[path].stamp, raw(path)))
    told = [_written(exact[path]) for path in order]
    stamps = [one[1] for one in told]
    steps = [after - before for before, after in zip([0, *stamps[:-1]], stamps, strict=True)] if stamps else []
    plain = json.dumps([order, steps, [one[2] for one in told], [len(one) == 3 for one in told]], separators=(",", ":"))
    ids = bytes.fromhex("".join(one[0] for one in told))
    packed = zlib.compress(plain.encode())
    return base64.b85encode(len(packed).to_bytes(4, "little") + packed + ids).decode()


def _unpacked_exact(text: str) -> dict[str, Known]:
    if not text:
        return {}
    whole = base64.b85decode(text)
    size = int.from_bytes(whole[:4], "little")
    order, steps, rows, settled = json.loads(zlib.decompress(whole[4 : 4 + size]))
    ids, stamp, found = whole[4 + size :].hex(), 0, {}
    for place, path in enumerate(order):
        stamp += steps[place]
        counts = rows[place] if isinstance(rows[place], dict) else {"": rows[place]}
        found[path] = Known(ids[place * 16 : place * 16 + 16], stamp, counts, settled[place])
    return found


def _packed_runs(runs: list[Run]) -> str:
    plain = json.dumps([[run.stamp for run in runs], [run.path.hex() for run in runs], [run.count for run in runs]])
    packed = zlib.compress(plain.encode())
    sums = b"".join(run.sum.to_bytes(16, "little") for run in runs)
    return base64.b85encode(len(packed).to_bytes(4, "little") + packed + sums).decode()


def _unpacked_runs(text: str) -> list[Run]:
    if not text:
        return []
    whole = base64.b85decode(text)
    size = int.from_bytes(whole[:4], "little")
    stamps, paths, counts = json.loads(zlib.decompress(whole[4 : 4 + size]))
    sums = whole[4 + size :]
    return [
        Run(stamp, bytes.fromhex(path), count, int.from_bytes(sums[place * 16 : place * 16 + 16], "little"))
        for place, (stamp, path, count) in enumerate(zip(stamps, paths, counts, strict=True))
    ]
