"""Who may ask, over real HTTP: every kind of credential, right, wrong and worn out."""

import base64
import hmac
import json
from hashlib import sha256

import pytest

from headwater.simulate import (
    Basic,
    Bearer,
    Jwt,
    Key,
    Login,
    OAuth,
    PublicKey,
    Reply,
    Route,
    Simulation,
    guarded,
    serve,
)

# An RSA key of 1,024 bits made for this test: small, so that it fits here.
PEM = """-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC5jTnjUwS5Sf9zwwe2UF7dNyJj
nVqunz+m9W3cPhTcGjsyhVLjI1det+1tt0dURPlrWOvHtbH2i3/MlD0bxiloobCc
3NoNGR5T7a6oAZbHwVDVzW50ENoat2HJp5eqE/NaZFpwYIGvVLPTqywYWkUdWBJj
bmrNS+XZZZddFHThHwIDAQAB
-----END PUBLIC KEY-----"""
PRIVATE = int(
    "b5106afcb976529932fdf3c302d54abcf3a04b34b1d8d4ed782ee715943f26c9321b0a9ee7a7050b18d047d0217aca13"
    "d9fcdb97f665c3003da594c24ce8025ebdabc7ad7dc13290cd60d6957229380500c414da1eab3f2aef192a965a945fbd"
    "84211a9d1c81d3f1512d7deefc22709a7e5d85ad667e484f2a98ad779f222981",
    16,
)


@pytest.fixture
def guard(clock):
    """Return a function that serves `/me` behind an access, with further routes, and gives the URL."""
    servers = []

    def build(access, *routes):
        handler = guarded(lambda _: Reply.json({"ok": True}), access)
        mine = (Route("GET", "/me", handler), Route("POST", "/me", handler))
        servers.append(serve(Simulation((*mine, *routes), {}, {}), clock=clock))
        return servers[-1].url

    yield build
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        (Key("X-Api-Key", "k1"), {"headers": {"x-api-key": "k1"}}),
        (Key("Authorization", "k1", before="Token token="), {"headers": {"Authorization": "Token token=k1"}}),
        (Key("key", "k1", "query"), {"params": {"key": "k1"}}),
        (Key("auth.key", "k1", "json"), {"json": {"auth": {"key": "k1"}}}),
        (Key("key", "k1", "form"), {"data": {"key": "k1"}}),
    ],
)
def test_a_key_is_taken_where_it_belongs_and_nowhere_else(guard, http, key, sent):
    url = f"{guard(key)}/me"
    assert http.post(url, timeout=5, **sent).json() == {"ok": True}
    wrong = json.loads(json.dumps(sent).replace("k1", "k2"))
    for other in (wrong, {}, {"params": {"elsewhere": "k1"}}):
        assert http.post(url, timeout=5, **other).status_code == 401


def test_bearer_and_basic(guard, http):
    bearer, basic = f"{guard(Bearer('t'))}/me", f"{guard(Basic('pat', 'pässword:x'))}/me"
    assert http.get(bearer, headers={"Authorization": "Bearer t"}).ok
    for wrong in ("Bearer u", "bearer t", "t", "Bearer "):
        assert http.get(bearer, headers={"Authorization": wrong}).status_code == 401
    assert http.get(basic, auth=(b"pat", "pässword:x".encode())).ok
    for wrong in (
        "Basic !!!",
        "Basic " + base64.b64encode(b"nocolon").decode(),
        "Basic " + base64.b64encode(b"pat:x").decode(),
    ):
        assert http.get(basic, headers={"Authorization": wrong}).status_code == 401


def test_a_refusal_is_written_as_the_vendor_does(http, clock):
    def refuse(status, message):
        return Reply.json({"fault": status}, status=status)

    routes = (Route("GET", "/", guarded(lambda _: Reply(), Bearer("t"), refuse=refuse)),)
    with serve(Simulation(routes, {}, {}), clock=clock) as server:
        reply = http.get(server.url)
    assert (reply.status_code, reply.json(), reply.headers["WWW-Authenticate"]) == (401, {"fault": 401}, "Bearer")


def bearing(token):
    return {"Authorization": f"Bearer {token}"}


CLIENT = {"client_id": "app", "client_secret": "shh"}


class TestOAuth:
    def ask(self, http, url, **form):
        return http.post(f"{url}/oauth/token", data=form, timeout=5)

    def test_client_credentials_give_a_token_that_expires(self, guard, http, clock):
        oauth = OAuth("app", "shh", lifetime=100)
        url = guard(oauth, oauth.route())
        given = self.ask(http, url, grant_type="client_credentials", **CLIENT).json()
        assert (given["token_type"], given["expires_in"]) == ("Bearer", 100)
        assert http.get(f"{url}/me", headers=bearing(given["access_token"])).ok
        clock.sleep(100)
        assert http.get(f"{url}/me", headers=bearing(given["access_token"])).status_code == 401
        assert given["access_token"] in oauth.secrets

    def test_a_token_can_be_good_for_some_requests_or_be_revoked(self, guard, http):
        oauth = OAuth("app", "shh", uses=2)
        url = guard(oauth, oauth.route())

        def token():
            return self.ask(http, url, grant_type="client_credentials", **CLIENT).json()["access_token"]

        first, second = token(), token()
        assert [http.get(f"{url}/me", headers=bearing(first)).status_code for _ in range(3)] == [200, 200, 401]
        oauth.revoke()
        assert http.get(f"{url}/me", headers=bearing(second)).status_code == 401

    def test_the_client_can_name_itself_by_basic(self, guard, http):
        oauth = OAuth("app", "shh", client_in="basic")
        url = guard(oauth, oauth.route())
        form = {"grant_type": "client_credentials"}
        assert http.post(f"{url}/oauth/token", data=form, auth=("app", "shh")).ok
        assert self.ask(http, url, **form, **CLIENT).status_code == 401

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({}, "unsupported_grant_type"),
            ({"grant_type": "refresh_token", "client_id": "app"}, "invalid_client"),
            ({"grant_type": "refresh_token", **CLIENT, "refresh_token": "other"}, "invalid_grant"),
            ({"grant_type": "client_credentials", **CLIENT}, "unauthorized_client"),
        ],
    )
    def test_what_is_refused_says_why(self, guard, http, form, error):
        oauth = OAuth("app", "shh", refresh_token="r")
        reply = self.ask(http, guard(oauth, oauth.route()), **form)
        assert (reply.status_code in {400, 401}, reply.json()) == (True, {"error": error})

    def test_a_refresh_token_stays_good(self, guard, http):
        oauth = OAuth("app", "shh", refresh_token="r")
        url = guard(oauth, oauth.route())
        for _ in range(3):
            reply = self.ask(http, url, grant_type="refresh_token", refresh_token="r", **CLIENT)
            assert reply.json()["refresh_token"] == "r"
        assert oauth.grants == 3

    def test_a_single_use_refresh_token_is_good_once_and_brings_the_next(self, guard, http):
        oauth = OAuth("app", "shh", refresh_token="r", single_use=True)
        url = guard(oauth, oauth.route())
        token, seen = "r", []
        for _ in range(3):
            given = self.ask(http, url, grant_type="refresh_token", refresh_token=token, **CLIENT).json()
            seen.append(token)
            token = given["refresh_token"]
        for spent in seen:
            reply = self.ask(http, url, grant_type="refresh_token", refresh_token=spent, **CLIENT)
            assert reply.json() == {"error": "invalid_grant"}
        assert self.ask(http, url, grant_type="refresh_token", refresh_token=token, **CLIENT).ok

    def test_a_strict_vendor_ends_everything_when_one_is_used_twice(self, guard, http):
        oauth = OAuth("app", "shh", refresh_token="r", single_use=True, strict=True)
        url = guard(oauth, oauth.route())
        given = self.ask(http, url, grant_type="refresh_token", refresh_token="r", **CLIENT).json()
        self.ask(http, url, grant_type="refresh_token", refresh_token="r", **CLIENT)
        assert http.get(f"{url}/me", headers=bearing(given["access_token"])).status_code == 401
        again = self.ask(http, url, grant_type="refresh_token", refresh_token=given["refresh_token"], **CLIENT)
        assert again.json() == {"error": "invalid_grant"}

    def test_a_signed_assertion_gives_a_token(self, guard, http, clock):
        oauth = OAuth("app", "shh", assertion=Jwt("key", (("iss", "app"),)))
        url = guard(oauth, oauth.route())
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        good = signed(clock, "HS256", iss="app")
        assert self.ask(http, url, grant_type=grant, assertion=good).ok
        assert self.ask(http, url, grant_type=grant, assertion=signed(clock, "HS256", iss="x")).status_code == 400
        assert self.ask(http, url, grant_type=grant).status_code == 400


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(clock, algorithm, *, key=b"key", lives=60, **claims):
    now = clock.now().timestamp()
    header = {"alg": algorithm, "typ": "JWT"}
    head = ".".join(coded(json.dumps(part).encode()) for part in (header, {"iat": now, "exp": now + lives, **claims}))
    if algorithm == "HS256":
        return f"{head}.{coded(hmac.new(key, head.encode(), sha256).digest())}"
    modulus = PublicKey.from_pem(PEM).modulus
    block = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(head.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (128 - 3 - len(block)) + b"\x00" + block
    return f"{head}.{coded(pow(int.from_bytes(padded, 'big'), PRIVATE, modulus).to_bytes(128, 'big'))}"


class TestJwt:
    def test_both_algorithms(self, guard, http, clock):
        for key, algorithm in (("key", "HS256"), (PublicKey.from_pem(PEM), "RS256")):
            url = f"{guard(Jwt(key, (('aud', 'us'),)))}/me"
            token = signed(clock, algorithm, aud="us")
            assert http.get(url, headers=bearing(token)).ok
            assert http.get(url, headers=bearing(token[:-6] + "AAAAAA")).status_code == 401
            assert http.get(url, headers=bearing(signed(clock, algorithm, aud="them"))).status_code == 401

    def test_time_counts(self, clock):
        jwt = Jwt("key")
        token = signed(clock, "HS256", lives=60)
        assert jwt.verifies(token, clock.now())
        assert not jwt.verifies(signed(clock, "HS256", lives=7200), clock.now())
        assert not jwt.verifies(signed(clock, "HS256", iat=clock.now().timestamp() + 30), clock.now())
        clock.sleep(60)
        assert not jwt.verifies(token, clock.now())

    @pytest.mark.parametrize("token", ["", "a.b.c", "..", f"{coded(b'[]')}.{coded(b'[]')}.x", f"{coded(b'{}')}.e30.é"])
    def test_nonsense_is_refused(self, clock, token):
        assert not Jwt("key").verifies(token, clock.now())
        assert not Jwt(PublicKey.from_pem(PEM)).verifies(token, clock.now())

    def test_a_key_of_another_algorithm_is_refused(self, clock):
        assert not Jwt("key").verifies(signed(clock, "RS256"), clock.now())
        assert not Jwt(PublicKey.from_pem(PEM)).verifies(signed(clock, "HS256"), clock.now())
        assert not Jwt("key").verifies(signed(clock, "HS256", key=b"other"), clock.now())


class TestLogin:
    def test_a_session_ends_with_time_and_begins_again(self, guard, http, clock):
        login = Login("pat", "pw", lifetime=100)
        url = guard(login, login.route())
        assert http.post(f"{url}/login", json={"user": "pat", "password": "x"}).status_code == 401
        session = http.post(f"{url}/login", json={"user": "pat", "password": "pw"}).json()["session_token"]
        http.cookies.clear()
        shown = {"X-Session-Token": session}
        assert http.get(f"{url}/me").status_code == 401
        assert http.get(f"{url}/me", headers=shown).ok
        clock.sleep(100)
        assert http.get(f"{url}/me", headers=shown).status_code == 401
        http.post(f"{url}/login", json={"user": "pat", "password": "pw"})
        assert http.get(f"{url}/me").ok  # by the cookie
        assert login.logins == 2

    def test_a_session_can_be_good_for_some_requests(self, guard, http):
        login = Login("pat", "pw", uses=2, shown_at="data.sid")
        url = guard(login, login.route())
        session = http.post(f"{url}/login", json={"user": "pat", "password": "pw"}).json()["data"]["sid"]
        http.cookies.clear()
        asked = [http.get(f"{url}/me", headers={"X-Session-Token": session}).status_code for _ in range(3)]
        assert asked == [200, 200, 401]
