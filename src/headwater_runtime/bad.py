"""What cannot be read: records that fail alone, counted, told of without their content, and landed where a table is declared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from headwater_runtime.errors import ConfigError, ContractError
from headwater_runtime.log import Log
from headwater_runtime.records import Row
from headwater_runtime.tables import Table

__all__ = ["Errors", "Failure", "Failures"]

TOLD = 5  # failures of one kind that are logged one by one


@dataclass(frozen=True)
class Failure:
    """A record that failed alone: the request as it was before auth, the answer's status (0: none came), and why.

    `mark` tells failures with one request and one message apart: the same failure of a later sync has the same.
    """

    url: str
    payload: str
    status: int
    message: str
    at: datetime
    table: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Errors:
    """Lets a stream go on without records that fail alone: at the source, in a row function, or for want of a key.

    Each becomes a row of `table`, of which nothing but the key `id` is declared: id, stream, table, url, payload, status,
    message, at. Without a table they are logged and counted. More than `limit` in one sync of a stream end it.
    Raises ConfigError for a table whose key is not `id`, and for a limit below 1.
    """

    table: Table | None = None
    limit: int = 100

    def __post_init__(self) -> None:
        if self.table is not None and self.table.key != ("id",):
            raise ConfigError("the key of an errors table is 'id'", where=f"table {self.table.name}", hint='key="id"')
        if self.limit < 1:
            raise ConfigError("a limit of errors below 1 lets none pass", where="Errors(…)", hint="drop `errors=`")


class Failures:
    """Those of one stream and sync."""

    def __init__(self, errors: Errors, stream: str, log: Log) -> None:
        self._errors, self._stream, self._log = errors, stream, log
        self._first: Failure | None = None
        self._counts: dict[str, int] = {}

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts.values())

    def take(self, failures: Sequence[Failure], emit: Callable[[Table, Sequence[Row]], None]) -> int:
        """Land or log `failures` and return the rows given to `emit`. Raises ContractError for more than the limit."""
        for failure in failures:
            self._first = self._first or failure
            told = self._counts[failure.message] = self._counts.get(failure.message, 0) + 1
            if told <= TOLD:
                self._log.warning(f"{self._stream}: a record is left out: {failure.message} ({failure.url})")
        if self._errors.table is not None and failures:
            emit(self._errors.table, [self._row(failure) for failure in failures])
        if self._first is not None and self.count > self._errors.limit:
            raise ContractError(
                f"more than {self._errors.limit} records could not be read, the first because: {self._first.message}",
                where=f"stream {self._stream}",
                hint="see the errors table or the log; mend models.py, or raise `limit=` of Errors in sync.py",
            )
        return len(failures) if self._errors.table is not None else 0

    def tell(self) -> None:
        """Log the sums of those that were not logged one by one."""
        for message, count in self._counts.items():
            if count > TOLD:
                self._log.warning(f"{self._stream}: {count} records are left out: {message}")

    def _row(self, failure: Failure) -> Row:
        url, payload, message = (self._log.clean(text) for text in (failure.url, failure.payload, failure.message))
        same = repr((self._stream, url, payload, message, failure.mark))
        return {
            "id": hashlib.blake2b(same.encode(), digest_size=16).hexdigest(),
            "stream": self._stream,
            "table": failure.table,
            "url": url,
            "payload": payload,
            "status": failure.status,
            "message": message,
            "at": failure.at,
        }
