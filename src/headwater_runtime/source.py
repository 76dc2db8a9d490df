"""Source: a connector's three parts joined into what the SDK's Connector asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headwater_runtime.client import Client
from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.config import Config, Settings
from headwater_runtime.emit import Emit, SdkEmit
from headwater_runtime.errors import HeadwaterError
from headwater_runtime.log import Log, redacted, redactor
from headwater_runtime.state import State
from headwater_runtime.sync import Stream, check, sync
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
            client = replace(self.client(settings), transport=line, clock=clock, log=log)
            streams = tuple(self.streams(client, settings))
            check(streams)
            sync(streams, State(state), emit or SdkEmit(), clock, log)
        except Exception as error:
            safe = redacted(error, redact)
            if safe is error:
                raise
            raise safe from safe.__cause__
        finally:
            if transport is None:
                line.close()

    def configuration_form(self) -> Any:
        """Return the setup form, with a connection test that reads the first page of the first stream."""
        return self.config.form(self.connection_test)

    def connection_test(self, configuration: dict[str, str]) -> Any:
        """Read one page with `configuration` and say whether that worked, in the SDK's terms."""
        from fivetran_connector_sdk import Test  # noqa: PLC0415  (only the platform asks for the test)

        redact = redactor(self.config.secrets(configuration))
        line = RequestsTransport()
        try:
            settings = self.config.parse(configuration)
            client = replace(self.client(settings), transport=line)
            first = next(iter(self.streams(client, settings)), None)
            if first is not None:
                next(first.pages.read(), None)
        except HeadwaterError as error:
            return Test.failure(redact(str(error)))
        finally:
            line.close()
        return Test.success()
