"""What was typed on the command line, taken apart: where the source is, and which values are secrets."""

from __future__ import annotations

import base64
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from headwater.discover.vocabulary import PAGING_NAME, PUBLIC_HEADER, SECRET_NAME, SECRET_VALUE
from headwater.errors import DiscoveryError
from headwater.model.spec import AuthSpec, connector_name
from headwater_runtime.auth import ApiKey, Basic, Bearer

__all__ = ["Address", "parse"]

RESERVED = frozenset({"base_url", "page_size"})
SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9_-]*) +(?=\S)")
SCHEME_KEYS = {"bearer": "token", "token": "token", "basic": "basic_credentials", "apikey": "api_key"}


@dataclass(frozen=True)
class Address:
    """One endpoint's address and the access to it. `secrets` holds the values by configuration key; nothing else does."""

    base_url: str
    path: str
    params: Mapping[str, str]
    secret_params: Mapping[str, str]
    auth: AuthSpec
    headers: Mapping[str, str]
    secret_headers: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def all_headers(self) -> dict[str, str]:
        """Every header but the one `auth` puts on, with its value."""
        return {**self.headers, **{name: self.secrets[key] for name, key in self.secret_headers.items()}}

    @property
    def all_params(self) -> dict[str, str]:
        """Every query parameter of the address with its value."""
        return {**self.params, **{name: self.secrets[key] for name, key in self.secret_params.items()}}

    @property
    def access(self) -> ApiKey | Bearer | Basic | None:
        """What puts `auth` on a request."""
        if self.auth.kind == "none":
            return None
        secret = self.secrets[self.auth.config_key]
        if self.auth.kind == "bearer":
            return Bearer(secret)
        if self.auth.kind == "basic":
            return Basic(secret, self.secrets[self.auth.password_key])
        return ApiKey(self.auth.name, self.auth.prefix + secret)

    @property
    def hidden(self) -> set[str]:
        """Every text nobody may see: the secrets, and what basic auth makes of two of them."""
        pair = [
            self.secrets[key] for key in (self.auth.config_key, self.auth.password_key) if self.auth.kind == "basic"
        ]
        return {*self.secrets.values(), *([base64.b64encode(":".join(pair).encode()).decode()] if pair else [])}

    def as_bearer(self) -> Address | None:
        """Return the same address with its key sent as a bearer token; None if that is no other way."""
        if self.auth.kind != "header" or self.auth.prefix:
            return None
        return replace(self, auth=AuthSpec("bearer", "Authorization", self.auth.config_key))


def parse(url: str, headers: Mapping[str, str]) -> Address:
    """Take `url` and `headers` apart. Raises DiscoveryError for an address that is not plain http(s)."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        hint = "write it as https://host/path; databases and buckets have connectors of their own"
        raise DiscoveryError("this is not an http(s) address", where="URL", hint=hint)
    if parts.username is not None or parts.password is not None:
        raise DiscoveryError(
            "the address holds a user name or password",
            where=f"{parts.scheme}://{parts.hostname}",
            hint="take it out and give it as --header 'Authorization: Basic …'",
        )
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(
            r"[\t\x20-\x7e\x80-\xff]*", value
        ):
            raise DiscoveryError(
                "a header's name or value cannot be sent", where="--header", hint="write it as 'Name: value'"
            )
    keys = _Keys()
    private = [name for name in headers if not PUBLIC_HEADER.match(name)]
    main = next((name for name in private if SECRET_NAME.search(name)), private[0] if private else "")
    auth = _auth(main, headers[main], keys) if main else AuthSpec()
    secret_headers = {name: keys.hold(name, headers[name]) for name in private if name != main}
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise DiscoveryError(
            "the address gives a query parameter twice",
            where="URL",
            hint="give each once, or join its values with a comma",
        )
    hidden = {name for name, value in given.items() if _is_secret(name, value)}
    secret_params = {name: keys.hold(name, value) for name, value in given.items() if name in hidden}
    return Address(
        base_url=f"{parts.scheme}://{parts.netloc}",
        path=parts.path or "/",
        params={name: value for name, value in given.items() if name not in hidden},
        secret_params=secret_params,
        auth=auth,
        headers={name: value for name, value in headers.items() if name not in private},
        secret_headers=secret_headers,
        secrets=keys.held,
    )


class _Keys:
    """Gives each secret a configuration key of its own."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def hold(self, name: str, value: str) -> str:
        plain = connector_name(name) or "secret"
        if keyword.iskeyword(plain) or plain.startswith("_"):
            plain = f"key_{plain.strip('_')}"
        key, copies = plain, 1
        while key in self.held or key in RESERVED:
            copies += 1
            key = f"{plain}_{copies}"
        self.held[key] = value
        return key


def _is_secret(name: str, value: str) -> bool:
    """Tell a credential in the query from a parameter of paging, whose name may say "token" too."""
    if PAGING_NAME.search(name):
        return False
    return SECRET_NAME.search(name) is not None or SECRET_VALUE.fullmatch(value) is not None


def _auth(name: str, value: str, keys: _Keys) -> AuthSpec:
    scheme = SCHEME.match(value) if name.lower().endswith("authorization") else None
    if scheme is None:
        return AuthSpec("header", name, keys.hold(name, value))
    prefix = scheme.group()
    kind = scheme.group(1).lower()
    if name.lower() == "authorization" and kind == "bearer":
        return AuthSpec("bearer", name, keys.hold("token", value[len(prefix) :]))
    pair = _user_and_password(value[len(prefix) :]) if name.lower() == "authorization" and kind == "basic" else None
    if pair is not None:
        user, password = keys.hold("user", pair[0]), keys.hold("password", pair[1])
        return AuthSpec("basic", name, user, password_key=password)
    key = keys.hold(SCHEME_KEYS.get(kind, name), value[len(prefix) :])
    return AuthSpec("header", name, key, prefix)


def _user_and_password(text: str) -> tuple[str, str] | None:
    """Return what basic auth was made of; None unless it can be made of it again, letter by letter."""
    try:
        whole = base64.b64decode(text.strip(), validate=True)
        user, colon, password = whole.decode().partition(":")
    except ValueError:
        return None
    usual = base64.b64encode(whole).decode() == text.strip()
    return (user, password) if usual and user and password and colon else None
