"""SignIn: the credential of one run, for an auth that has to ask for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from headwater_runtime import json_text
from headwater_runtime.auth import Auth, Grant, Granting
from headwater_runtime.clock import Clock
from headwater_runtime.errors import ConfigError, ContractError, UnreadableError
from headwater_runtime.log import Log
from headwater_runtime.rules import vendor_words
from headwater_runtime.transport import Request, Response

__all__ = ["SignIn"]

SOON = timedelta(seconds=60)  # before its end a credential is not used any more; or a tenth of its life


class SignIn:
    """Obtains the credential when it is first needed, shortly before it ends, and when it was refused. Thread-safe.

    `kept` is what the next run needs, "" if nothing, None where there is no state to keep it in: a credential that is good
    once is not used there. Every value obtained is masked in the log before its first use.
    """

    def __init__(self, auth: Auth | None, send: Callable[[Request], Response], clock: Clock, log: Log) -> None:
        self._auth, self._send, self._clock, self._log = auth, send, clock, log
        self._granting = auth if isinstance(auth, Granting) else None
        self._lock = threading.Lock()
        self._grant: Grant | None = None
        self._stale: datetime | None = None
        self.kept: str | None = ""

    @property
    def spends(self) -> bool:
        """Whether signing in uses up the credential it is given."""
        return bool(getattr(self._auth, "rotates", False))

    def current(self) -> Grant | None:
        """Return the grant to send with, None if the auth needs none. Raises what obtaining it raises."""
        if self._granting is None:
            return None
        with self._lock:
            now = self._clock.now()
            if self._grant is None or (self._stale is not None and now >= self._stale):
                if self.kept is None and self.spends:
                    what = "signing in would use up a credential that is good once, and the next one could not be kept"
                    hint = "ask the source in a sync only: not in `streams` of a connector whose refresh token rotates"
                    raise ConfigError(what, hint=hint)
                grant = self._granting.obtain(self._ask, now, self.kept or "")
                for secret in (grant.value, *grant.secrets):
                    self._log.mask(secret)
                self._stale = grant.expires and grant.expires - min(SOON, (grant.expires - now) / 10)
                self._grant, self.kept = grant, None if self.kept is None else grant.keep
            return self._grant

    def apply(self, request: Request, grant: Grant | None) -> Request:
        """Return `request` authorised with `grant`."""
        auth = self._auth
        if auth is None:
            return request
        return auth(request) if callable(auth) else auth.apply(request, grant.value if grant else "")

    def refused(self, grant: Grant) -> None:
        """Drop `grant`, unless another thread has done so: of many that are refused at once, one signs in."""
        with self._lock:
            if self._grant is grant:
                self._grant = None

    def _ask(self, request: Request) -> Response:
        """Send what the auth asks to sign in with. Raises ConfigError for a refusal, whatever status it comes in."""
        try:
            response = self._send(request)
        except UnreadableError as error:  # it was tried again here: whoever waits for the credential must not do so too
            raise ContractError(error.what, where=error.where, hint=error.hint) from error
        good = 200 <= response.status < 300
        if good and not _error_in(response):
            return response
        words = vendor_words(response, self._log.clean)
        if good or response.status in {400, 401, 403}:
            what = f"the source refused to sign in with {response.status}{words}"
            hint = "check the credentials in the configuration; a refresh token that is void needs new consent at the vendor"
            raise ConfigError(what, where=request.where, hint=hint, status=401)
        hint = "check the address of signing in, in api.py or the configuration"
        raise ConfigError(f"signing in was answered with {response.status}{words}", where=request.where, hint=hint)


def _error_in(response: Response) -> Any:
    """Return what a success says is wrong: some sources refuse with 200."""
    body = json_text.loads(response.body) if response.body else None
    return body.get("error") if isinstance(body, dict) else None
