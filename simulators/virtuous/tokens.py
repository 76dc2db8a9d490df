"""Who may ask: the API key, or an access token from `POST /Token` that expires and is renewed with a refresh token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from headwater.simulate import Reply, Request

__all__ = ["API_KEY", "OTP", "PASSWORD", "USERNAME", "Tokens"]

API_KEY = "virtuous-demo-key-5d17"
USERNAME, PASSWORD, OTP = "pat@example.org", "correct horse", "246810"
ACCESS, REFRESH = timedelta(days=15), timedelta(days=365)


class Tokens:
    """The tokens given so far. From request `revoked_at` on none is good any more, nor is the key."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._access: dict[str, datetime] = {}
        self._refresh: dict[str, datetime] = {}
        self.asked = 0

    def known(self, request: Request) -> bool:
        """Tell whether the request carries a key or token that is good now."""
        self.asked += 1
        if self._options["revoked_at"] and self.asked >= self._options["revoked_at"]:
            return False
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return False
        return token == API_KEY or self._access.get(token, request.at) > request.at

    def grant(self, request: Request) -> Reply:
        """Answer `POST /Token`."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("grant_type") == "refresh_token":
            if self._refresh.get(form.get("refresh_token", ""), request.at) <= request.at:
                return _no("The refresh token is not valid.")
            return self._give(request.at)
        if form.get("grant_type") != "password":
            return Reply.json({"error": "unsupported_grant_type"}, status=400)
        if (form.get("username"), form.get("password")) != (USERNAME, PASSWORD):
            return _no("The user name or password is incorrect.")
        if self._options["two_factor"] and form.get("otp") != OTP:
            return Reply.json({"requiresOtp": True}, status=202)
        return self._give(request.at)

    def _give(self, now: datetime) -> Reply:
        number = len(self._access) + 1
        access, refresh = f"virtuous-access-{number:04d}", f"virtuous-refresh-{number:04d}"
        self._access[access] = now + ACCESS
        self._refresh[refresh] = now + REFRESH
        return Reply.json(
            {
                "access_token": access,
                "token_type": "bearer",
                "expires_in": int(ACCESS.total_seconds()) - 1,
                "refresh_token": refresh,
                "userName": USERNAME,
                ".issued": format_datetime(now, usegmt=True),
                ".expires": format_datetime(self._access[access], usegmt=True),
            }
        )


def _no(why: str) -> Reply:
    return Reply.json({"error": "invalid_grant", "error_description": why}, status=400)
