"""Bucket: the exports in a bucket of moto's S3, which follows each change of the populations."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends

from headwater.simulate import Handler, Reply, Request, wsgi

from .records import KINDS, Exports, Kind

__all__ = ["ACCESS_KEY", "BUCKET", "PREFIX", "SECRET_KEY", "Bucket", "refused"]

BUCKET, PREFIX, REGION = "exports", "shop", "us-east-1"
ACCESS_KEY, SECRET_KEY = "AKIADEMO7EXPORTS0001", "s3-demo-secret/5c+a1d9"
CODES = {403: "AccessDenied", 404: "NoSuchKey", 405: "MethodNotAllowed", 429: "SlowDown", 503: "SlowDown"}
_numbers = itertools.count(1)


class Bucket:
    """The bucket under a name of its own: this process may serve several. `begin` makes and fills it, `end` empties it."""

    def __init__(self, exports: Exports, page: int) -> None:
        self._exports = exports
        self._page = page
        self._name = f"{BUCKET}-{next(_numbers)}"
        self._there = False
        for kind in KINDS:
            exports.populations[kind.name].watch(partial(self._follow, kind))

    def begin(self) -> None:
        """Make the bucket and fill it."""
        self._there = True
        self._backend.create_bucket(self._name, REGION)
        for kind in KINDS:
            population = self._exports.populations[kind.name]
            gone = set(population.deleted)
            for index in range(len(population)):
                if index not in gone:
                    self._put(kind, index)

    def end(self) -> None:
        """Take it away with all it holds."""
        self._there = False
        for key in list(self._backend.get_bucket(self._name).keys):
            self._backend.delete_object(self._name, key)
        self._backend.delete_bucket(self._name)

    def put(self, path: str, body: bytes, modified: datetime) -> None:
        """Put a file below the prefix, as modified at that moment."""
        key = self._backend.put_object(self._name, f"{PREFIX}/{path}", body)
        key.last_modified = modified.astimezone(timezone.utc).replace(tzinfo=None)

    def handler(self) -> Handler:
        """Return what answers requests for the bucket: signed ones, of its only reader."""
        asked = wsgi(create_backend_app("s3"), rename=self._renamed)

        def answer(request: Request) -> Reply:
            if problem := _forged(request):
                return refused(403, problem)
            if "list-type" in request.params:
                request = replace(request, params={**request.params, "max-keys": str(self._page)})
            return asked(request)

        return answer

    @property
    def _backend(self) -> Any:
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def _renamed(self, path: str) -> str:
        bucket, _, key = path.lstrip("/").partition("/")
        return f"/{self._name}/{key}" if bucket == BUCKET else path

    def _put(self, kind: Kind, index: int) -> None:
        timeline = self._exports.populations[kind.name].timeline
        assert timeline is not None  # noqa: S101  (each of them has one)
        self.put(self._exports.path(kind, index), self._exports.body(kind, index), timeline.changed(index))

    def _follow(self, kind: Kind, indices: Iterable[int]) -> None:
        gone = set(self._exports.populations[kind.name].deleted)
        for index in indices if self._there else ():
            if index in gone:
                self._backend.delete_object(self._name, f"{PREFIX}/{self._exports.path(kind, index)}")
            else:
                self._put(kind, index)


def refused(status: int, message: str) -> Reply:
    """Return an error the way S3 writes it."""
    code = message if message in {"InvalidAccessKeyId", "SignatureDoesNotMatch"} else CODES.get(status, "InternalError")
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Reply(status, body.encode(), {"Content-Type": "application/xml"})


def _forged(request: Request) -> str:
    """Say what is wrong with a request's signature; empty when nothing is."""
    words = request.headers.get("authorization", "").removeprefix("AWS4-HMAC-SHA256 ").split(",")
    told = dict(word.strip().partition("=")[::2] for word in words)
    who, *scope = told.get("Credential", "").split("/")
    if who != ACCESS_KEY or len(scope) != 4:
        return "InvalidAccessKeyId"
    signed = {name: request.headers.get(name, "") for name in told.get("SignedHeaders", "").split(";")}
    query = "&".join(f"{_quoted(name)}={_quoted(text)}" for name, text in sorted(request.params.items()))
    url = f"{request.origin}{request.path}" + (f"?{query}" if query else "")
    asked = AWSRequest(method=request.method, url=url, headers=signed)
    asked.context["timestamp"] = request.headers.get("x-amz-date", "")
    signer = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), scope[2], scope[1])
    true = signer.signature(signer.string_to_sign(asked, signer.canonical_request(asked)), asked)
    return "" if true == told.get("Signature") else "SignatureDoesNotMatch"


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
