"""What the exceptions of a place's driver mean: worth another try, a credential, a file that is gone or closed to us.

Drivers are known by the names of their classes, so that none has to be installed. Their texts are not shown: they quote
addresses, and some of those hold credentials.
"""

from __future__ import annotations

import errno
import ftplib
from collections.abc import Iterator

from headwater_runtime.errors import ConfigError, HeadwaterError, SourceError, TransientError

__all__ = ["ClosedError", "GoneError", "explained", "passing"]

CREDENTIAL = frozenset(
    {
        "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
        "AuthFailure", "UnrecognizedClientException", "InvalidClientTokenId", "AuthorizationHeaderMalformed", "NotSignedUp",
        "RequestTimeTooSkewed", "AuthenticationFailed", "InvalidAuthenticationInfo",
    }
)  # fmt: skip
CREDENTIAL_CLASSES = frozenset(
    {
        "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
        "AuthenticationException", "BadAuthenticationType", "PasswordRequiredException", "ClientAuthenticationError",
        "DefaultCredentialsError", "RefreshError",
    }
)  # fmt: skip
PASSING_CLASSES = frozenset(
    {
        "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "HTTPClientError",
        "ResponseStreamingError", "IncompleteReadError", "ClientConnectionError", "ClientPayloadError", "ServerDisconnectedError",
        "ClientOSError", "ServerTimeoutError", "FSTimeoutError", "SSHException", "ChannelException", "NoValidConnectionsError",
        "ProtocolError", "ChunkedEncodingError", "ServiceRequestError", "ServiceResponseError", "IncompleteRead", "ClientConnectorError", "ConnectionClosed",
    }
)  # fmt: skip
REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
CODES = frozenset(
    {
        "SlowDown",
        "InternalError",
        "ServiceUnavailable",
        "RequestTimeout",
        "Throttling",
        "ServerBusy",
        "OperationAborted",
    }
)
ERRNOS = frozenset(
    {
        errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.EPIPE, errno.ETIMEDOUT, errno.ENETUNREACH,
        errno.EHOSTUNREACH, errno.EBUSY, errno.EIO, errno.EAGAIN, errno.ESTALE, getattr(errno, "EREMOTEIO", errno.EIO),
    }
)  # fmt: skip


class GoneError(SourceError):
    """A file, folder or bucket is not there."""


class ClosedError(ConfigError):
    """One file that we may not read."""


def explained(error: BaseException, where: str) -> HeadwaterError:
    """Return what `error`, raised by a driver, means at `where`."""
    if isinstance(error, HeadwaterError):
        return error
    chain = tuple(_chain(error))
    said = f"({type(error).__name__})"
    codes, statuses = {_code(one) for one in chain} - {""}, {_status(one) for one in chain} - {0}
    if (
        codes & CREDENTIAL
        or any(_named(one, CREDENTIAL_CLASSES) for one in chain)
        or 401 in statuses
        or _ftp(error, "530")
    ):
        hint = "check user, key, secret or password, and that they are meant for this place"
        return ConfigError(f"the place refuses the credential {said}", where=where, hint=hint, status=401)
    if any(_named(one, {"BadHostKeyException"}) for one in chain):
        hint = "compare the fingerprint with the one the server's owner gives, then change host_key="
        return ConfigError(
            "the server shows another key than it should: maybe it is not the server", where=where, hint=hint
        )
    if any(isinstance(one, FileNotFoundError) for one in chain) or statuses & {404, 410}:
        return GoneError(
            "it is not there", where=where, hint="check the path, and that the credential may see it", status=404
        )
    if "InvalidObjectState" in codes:
        hint = "have it restored from the archive (Glacier); the next sync reads it then"
        return ClosedError("it is archived", where=where, hint=hint, status=403)
    if any(isinstance(one, PermissionError) for one in chain) or 403 in statuses:
        hint = "give the credential the right to read it (on S3 s3:GetObject, and s3:ListBucket to list)"
        return ClosedError("reading it is not allowed", where=where, hint=hint, status=403)
    if _ftp(error, "550"):
        hint = "check the path, and the rights of the user"
        return GoneError("the server does not give it", where=where, hint=hint, status=404)
    if isinstance(error, TypeError):
        hint = "compare the options of Place(…) with those of the driver"
        return ConfigError("the driver does not take what it was given", where=where, hint=hint)
    if statuses & REPEATABLE or codes & CODES or (not codes and any(_passes(one) for one in chain)):
        return TransientError(
            f"the place could not be read {said}",
            where=where,
            hint="check its address, if it was never read; else run again later",
        )
    return SourceError(f"the place could not be read {said}", where=where, hint=_hint(codes))


def passing(error: BaseException) -> bool:
    """Say whether another try may help."""
    return isinstance(explained(error, ""), TransientError)


def _hint(codes: set[str]) -> str:
    told = f" ({', '.join(sorted(codes))})" if codes else ""
    return f"check the address and the options of the place, region and endpoint_url among them{told}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _named(error: BaseException, names: frozenset[str] | set[str]) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _passes(error: BaseException) -> bool:
    if isinstance(error, (ConnectionError, TimeoutError, EOFError, ftplib.error_temp, ftplib.error_proto)):
        return True
    if isinstance(error, OSError) and type(error).__name__ in {"gaierror", "herror"}:
        return True
    return (isinstance(error, OSError) and error.errno in ERRNOS) or _named(error, PASSING_CLASSES)


def _ftp(error: BaseException, code: str) -> bool:
    return any(isinstance(one, ftplib.error_perm) and str(one).startswith(code) for one in _chain(error))


def _code(error: BaseException) -> str:
    """Return the vendor's word for what happened."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return str(answer.get("Error", {}).get("Code", ""))
    return str(getattr(error, "error_code", "") or "")


def _status(error: BaseException) -> int:
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    found = getattr(error, "status", None) or getattr(error, "status_code", None) or getattr(error, "code", None)
    return found if isinstance(found, int) else int(found) if isinstance(found, str) and found.isdigit() else 0
