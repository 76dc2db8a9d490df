"""What drivers raise, and what it means."""

import errno
import ftplib

import pytest

from headwater_runtime import ConfigError, SourceError, TransientError
from headwater_runtime.storage.trouble import ClosedError, GoneError, explained


def named(name, **fields):
    """Return an exception of a class of this name, as a driver that is not installed would raise it."""
    return type(name, (Exception,), fields)("https://host/?sig=s-1234")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError("x"), GoneError),
        (PermissionError("x"), ClosedError),
        (ConnectionResetError("x"), TransientError),
        (TimeoutError("x"), TransientError),
        (EOFError("x"), TransientError),
        (OSError(errno.EIO, "x"), TransientError),
        (OSError(errno.ENOSPC, "x"), SourceError),
        (ftplib.error_perm("530 no"), ConfigError),
        (ftplib.error_perm("550 no"), GoneError),
        (ftplib.error_temp("421 later"), TransientError),
        (named("HttpError", code=401), ConfigError),
        (named("HttpError", code="404"), GoneError),
        (named("HttpResponseError", status_code=403), ClosedError),
        (named("HttpResponseError", status_code=429), TransientError),
        (named("ClientAuthenticationError"), ConfigError),
        (named("ServiceRequestError"), TransientError),
        (named("NoCredentialsError"), ConfigError),
        (named("Unheard"), SourceError),
        (TypeError("unexpected keyword"), ConfigError),
    ],
)
def test_what_it_means(error, kind):
    meant = explained(error, "place/a.csv")
    assert type(meant) is kind
    assert meant.where == "place/a.csv"
    assert "s-1234" not in str(meant)
    assert meant.hint


def test_a_cause_counts():
    outer = OSError(errno.EINVAL, "x")
    outer.__cause__ = named("ClientError", response={"Error": {"Code": "ExpiredToken"}})
    assert "credential" in explained(outer, "").what


def test_what_is_ours_stays():
    error = SourceError("x")
    assert explained(error, "") is error
