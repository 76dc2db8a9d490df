"""Source: a connector's three parts joined into what the SDK's Connector asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headwater_runtime.client import Client
from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.config import Config, Settings
from headwater_runtime.emit import Emit, SdkEmit
from headwater_runtime.errors import HeadwaterError
from headwater_runtime.log import Log, redacted, redactor
from headwater_runtime.pages import Pages
from headwater_runtime.state import State
from headwater_runtime.stream import Stream, check
from headwater_runtime.sync import begin, sync
from headwater_runtime.tables import Table
from headwater_runtime.transport import RequestsTransport, Transport

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """`config` declares the settings, `client` makes the client from them, `streams` says which endpoint fills which table.

    Its methods fit `Connector(update=source.update, schema=source.schema, configuration_form=source.configuration_form)`.
    """

    config: Config
    client: Callable[[Settings], Client]
    streams: Callable[[Client, Settings], Iterable[Stream]]
    parallel: int = 1  # streams that are read side by side

    def schema(self, configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the declarations of all tables. Sends nothing. Raises ConfigError."""
        return [table.declaration() for table in self.tables(configuration)]

    def tables(self, configuration: Mapping[str, Any]) -> tuple[Table, ...]:
        """Return the tables the streams fill, in order. Sends nothing. Raises ConfigError."""
        settings = self.config.parse(configuration)
        return check(self.streams(self.client(settings), settings))

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
        settings = self.config.parse(configuration)
        redact = redactor(self.config.secrets(configuration))
        log = Log(redact)
        for name in self.config.unknown(configuration):
            log.warning(f"the configuration holds '{name}', which is not a setting of this connector; it is ignored")
        clock = clock or SystemClock()
        line = transport or RequestsTransport()
        try:
            saved = State(state)
            client = self.client(settings).begin(line, clock, log, saved.auth)
            streams = tuple(self.streams(client, settings))
            check(streams)
            client.sign_in()
            sync(streams, saved, emit or SdkEmit(), clock, log, client, self.parallel)
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

        redact = redactor(self.config.secrets(configuration))
        line, clock, log = RequestsTransport(), SystemClock(), Log(redact)
        try:
            settings = self.config.parse(configuration)
            client = self.client(settings).begin(line, clock, log)
            client.sign_in()
            if client.test is not None:
                client.get(client.test.at(client.base_url))
            else:
                _first_page(self.streams(client, settings), clock)
        except HeadwaterError as error:
            return Test.failure(log.clean(str(error)))
        finally:
            line.close()
        return Test.success()


def _first_page(streams: Iterable[Stream], clock: Clock) -> None:
    """Read the first page of the first stream that needs no other; of one whose rows a job prepares, nothing."""
    first = next((stream for stream in streams if not isinstance(stream.per, Stream)), None)
    if first is not None and isinstance(first.pages, Pages):
        at = begin(first, {}, clock).next()
        if at is not None:
            next(first.pages.read(at), None)
