"""Source: a connector's three parts joined into what the SDK's Connector asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from headwater_runtime.access import Access
from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.config import Config, Settings
from headwater_runtime.emit import Emit, SdkEmit
from headwater_runtime.errors import HeadwaterError
from headwater_runtime.job import Job
from headwater_runtime.log import Log, redacted, redactor
from headwater_runtime.state import State
from headwater_runtime.stream import Stream, check
from headwater_runtime.sync import begin, keep_credential, sync
from headwater_runtime.tables import Table
from headwater_runtime.transport import RequestsTransport, Transport

__all__ = ["Source"]

A = TypeVar("A", bound=Access)


@dataclass(frozen=True)
class Source(Generic[A]):
    """`config` declares the settings, `client` makes the client from them, `streams` says what of it fills which table.

    The client is a Client, a Database or a Place. The methods fit the SDK:
    `Connector(update=source.update, schema=source.schema, configuration_form=source.configuration_form)`.
    """

    config: Config
    client: Callable[[Settings], A]
    streams: Callable[[A, Settings], Iterable[Stream]]
    parallel: int = 1  # streams that are read side by side

    def schema(
        self, configuration: Mapping[str, Any], *, transport: Transport | None = None, clock: Clock | None = None
    ) -> list[dict[str, Any]]:
        """Return the declarations of all tables. Raises ConfigError.

        Sends nothing, unless `streams` asks the source itself: what a database's tables are is not written in the connector.
        """
        return [table.declaration() for table in self.tables(configuration, transport=transport, clock=clock)]

    def tables(
        self, configuration: Mapping[str, Any], *, transport: Transport | None = None, clock: Clock | None = None
    ) -> tuple[Table, ...]:
        """Return the tables the streams fill, in order, as `schema` does."""
        with self._ready(configuration, transport, clock, None) as (client, settings):
            return check(self.streams(client, settings))

    def update(self, configuration: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Run one sync on Fivetran: rows leave through the SDK's operations."""
        self.run(configuration, state)

    def run(
        self,
        configuration: Mapping[str, Any],
        state: Mapping[str, Any],
        *,
        emit: Emit | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Run one sync. `emit`, `transport` and `clock` are the seams of a local engine.

        Raises a HeadwaterError, or whatever the connector's own code raised; no message in its chain shows a secret.
        """
        saved = State(state)
        with self._ready(configuration, transport, clock, saved.auth) as (client, settings):
            for name in self.config.unknown(configuration):
                what = f"the configuration holds '{name}', which is not a setting of this connector; it is ignored"
                client.log.warning(what)
            out = emit or SdkEmit()
            try:
                streams = tuple(self.streams(client, settings))
                check(streams)
                client.sign_in()
            finally:  # whatever became of the rest: a credential that was signed in with may be good once
                keep_credential(client, saved, out)
            sync(streams, saved, out, client, self.parallel)

    @contextmanager
    def _ready(
        self, configuration: Mapping[str, Any], transport: Transport | None, clock: Clock | None, kept: str | None
    ) -> Iterator[tuple[A, Settings]]:
        """Give the client, ready for a run, and the settings; no message of what is raised shows a secret."""
        settings = self.config.parse(configuration)
        log = Log(redactor(self.config.secrets(configuration)))
        line = transport or RequestsTransport()
        try:
            client = self.client(settings).begin(line, clock or SystemClock(), log, kept)
            try:
                yield client, settings
            finally:
                client.close()
        except Exception as error:
            safe = redacted(error, log.clean)
            if safe is error:
                raise
            raise safe from safe.__cause__
        finally:
            if transport is None:
                line.close()

    def configuration_form(self) -> Any:
        """Return the setup form, with a connection test that asks `test=` of the client, else for the first page."""
        return self.config.form(self.connection_test)

    def connection_test(self, configuration: dict[str, str]) -> Any:
        """Ask the source one question with `configuration` and say whether that worked, in the SDK's terms."""
        from fivetran_connector_sdk import Test  # noqa: PLC0415  (only the platform asks for the test)

        try:
            with self._ready(configuration, None, None, None) as (client, settings):
                if not client.try_out():
                    _first_page(self.streams(client, settings), client.clock)
        except HeadwaterError as error:
            return Test.failure(str(error))
        return Test.success()


def _first_page(streams: Iterable[Stream], clock: Clock) -> None:
    """Read the first page of the first stream that needs no other; of one whose rows a job prepares, nothing."""
    first = next((stream for stream in streams if not isinstance(stream.per, Stream)), None)
    if first is not None and not isinstance(first.pages, Job):
        at = begin(first, {}, clock).next()
        if at is not None:
            next(first.pages.read(at), None)
