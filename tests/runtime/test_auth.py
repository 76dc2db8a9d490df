"""Each way to sign in, against a server that checks it; and a credential that goes nowhere else."""

import base64
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from fivetran_connector_sdk import Test
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import simulate
from headwater.simulate import Conditions, Fault, FaultPlan, Reply, Route, serve
from headwater_runtime import (
    ApiKey,
    Basic,
    Bearer,
    Call,
    Client,
    Config,
    ConfigError,
    ContractError,
    Jwt,
    Login,
    NextToken,
    OAuth2,
    Retry,
    Secret,
    Source,
    SourceError,
    Stream,
    Table,
    Token,
    TransientError,
)
from headwater_runtime.auth import Grant
from headwater_runtime.call import Body, Form, Header, Query
from headwater_runtime.clock import FakeClock
from headwater_runtime.log import Log, redactor
from headwater_runtime.transport import Request, RequestsTransport, Response
from tests.runtime.auth_server import TokenDesk, guarded
from tests.runtime.conftest import Kept

KEY = "sesame-1234/ü+&"
SECRET, REFRESH = "client-secret-77", "refresh-token-of-old"


class Lines(Log):
    """A log that keeps its lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def _write(self, level, line):
        self.lines.append(self.clean(line))


@contextmanager
def asking(auth, simulation, clock=None, kept="", conditions=None, **options):
    """Yield the client of one run against `simulation`, and the server."""
    clock = clock or FakeClock()
    line = RequestsTransport()
    with serve(simulation, clock=clock, conditions=conditions) as server:
        made = auth(server.url) if callable(auth) and not hasattr(auth, "apply") else auth
        client = Client(server.url, auth=made, retry=Retry(draw=lambda: 1.0), **options)
        try:
            yield client.begin(line, clock, Lines(), kept), server
        finally:
            line.close()


def get(client, path="/things", **params):
    return client.get(client.request(path, params))


def authorization(request):
    return request.headers.get("authorization", "")


def form_of(request):
    return request.body.decode()


@pytest.mark.parametrize(
    ("auth", "allows"),
    [
        (ApiKey("X-Api-Key", "sesame"), lambda request: request.headers.get("x-api-key") == "sesame"),
        (ApiKey("Authorization", "Token token=a"), lambda request: authorization(request) == "Token token=a"),
        (ApiKey(Query("key"), KEY), lambda request: request.params.get("key") == KEY),
        (Bearer("sesame"), lambda request: authorization(request) == "Bearer sesame"),
        (
            Basic("üser", KEY),
            lambda request: base64.b64decode(authorization(request).removeprefix("Basic ")).decode() == f"üser:{KEY}",
        ),
        (Basic("key"), lambda request: authorization(request) == "Basic " + base64.b64encode(b"key:").decode()),
        (
            lambda url: lambda request: replace(request, headers={**request.headers, "x-user": "a", "x-password": "b"}),
            lambda request: (request.headers.get("x-user"), request.headers.get("x-password")) == ("a", "b"),
        ),
    ],
)
def test_a_credential_that_is_given_is_shown(auth, allows):
    with asking(auth, guarded(allows)) as (client, _):
        assert get(client)["ok"]
        assert get(client, "/old")["ok"]
    with asking(None, guarded(allows)) as (client, _), pytest.raises(ConfigError, match="401"):
        get(client)


@pytest.mark.parametrize(
    ("place", "call", "allows"),
    [
        (Body("auth.key"), Call("/things", json={"a": 1}), lambda request: request.json()["auth"]["key"] == KEY),
        (Form("key"), Call("/things", form={"a": 1}), lambda request: "key=sesame" in form_of(request)),
    ],
)
def test_a_key_may_be_in_the_body(place, call, allows):
    with asking(ApiKey(place, KEY), guarded(allows)) as (client, _):
        assert client.get(call.at(client.base_url))["ok"]


def test_a_link_that_has_the_key_already_does_not_get_it_twice():
    request = Request("GET", "https://api.test/things?page=2&key=sesame&x=a%20b")
    shown = ApiKey(Query("key"), "sesame").apply(request)
    assert shown.url == "https://api.test/things?page=2&x=a%20b"
    assert shown.params == {"key": "sesame"}


def oauth(**options):
    options.setdefault("refresh_token", None)
    return lambda url: OAuth2(url + "/token", "client", SECRET, **options)


def rotating(url):
    return OAuth2(url + "/token", "client", SECRET, refresh_token=REFRESH, rotates=True)


def vendor(desk):
    return guarded(desk.allows, Route("POST", "/token", desk.token))


def test_client_credentials_are_asked_for_once():
    desk = TokenDesk(FakeClock())
    with asking(oauth(scope="read"), vendor(desk), desk.clock) as (client, server):
        client.sign_in()
        for _ in range(3):
            assert get(client)["ok"]
        assert desk.grants == 1
        assert len(server.log) == 4
    assert desk.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": SECRET,
            "scope": "read",
            "authorization": "",
        }
    ]


def test_the_client_may_name_itself_in_a_header():
    desk = TokenDesk(FakeClock(), refresh=REFRESH)
    with asking(oauth(client="basic", refresh_token=REFRESH), vendor(desk), desk.clock) as (client, _):
        assert get(client)["ok"]
    named = "Basic " + base64.b64encode(f"client:{SECRET}".encode()).decode()
    assert desk.asked == [{"grant_type": "refresh_token", "refresh_token": REFRESH, "authorization": named}]


def test_a_token_form_may_hold_what_depends_on_the_moment():
    desk = TokenDesk(FakeClock())
    signer = Jwt("a signing key", lambda now: {"iss": "me", "at": now.isoformat()})
    auth = lambda url: OAuth2(url + "/token", "", "", fields={"grant_type": "urn:jwt-bearer", "assertion": signer.at})  # noqa: E731
    with asking(auth, vendor(desk), desk.clock) as (client, _):
        assert get(client)["ok"]
    assert desk.asked[0]["grant_type"] == "urn:jwt-bearer"
    assert desk.asked[0]["assertion"].count(".") == 2
    assert "client_id" not in desk.asked[0]


def test_a_token_is_renewed_before_it_ends():
    desk = TokenDesk(FakeClock(), lifetime=600)
    with asking(oauth(), vendor(desk), desk.clock) as (client, server):
        for _ in range(20):
            desk.clock.sleep(100)
            assert get(client)["ok"]
        assert {exchange.status for exchange in server.log} == {200}
    assert desk.grants == 4  # every 600 − 60 s, seen at whole hundreds


@pytest.mark.parametrize("lifetime", [5, 50])
def test_a_token_of_a_short_life_is_used_more_than_once(lifetime):
    desk = TokenDesk(FakeClock(), lifetime=lifetime)
    with asking(oauth(), vendor(desk), desk.clock) as (client, _):
        for _ in range(10):
            desk.clock.sleep(lifetime / 10)
            assert get(client)["ok"]
    assert desk.grants <= 2


@pytest.mark.parametrize("told", [0, -1, "2020-01-01T00:00:00Z"])
def test_a_token_said_to_have_ended_already_is_used_until_it_is_refused(told):
    """Some say 0 and mean never; or the two clocks differ."""
    asked = []

    def token(request):
        asked.append(request)
        return Reply.json({"access_token": "access-token-0001", "expires_in": told})

    simulation = guarded(authorization, Route("POST", "/token", token))
    with asking(oauth(), simulation) as (client, _):
        assert all(get(client)["ok"] for _ in range(3))
    assert len(asked) == 1


def test_a_token_refused_before_its_time_is_obtained_anew_by_one_of_eight_threads():
    desk = TokenDesk(FakeClock())
    with asking(oauth(), vendor(desk), desk.clock) as (client, _):
        assert get(client)["ok"]
        desk.given.clear()
        start = threading.Barrier(8)

        def work():
            start.wait()
            return get(client)["ok"]

        with ThreadPoolExecutor(8) as pool:
            assert all(done.result() for done in [pool.submit(work) for _ in range(8)])
    assert desk.grants == 2


def test_a_token_refused_twice_is_a_setting_to_mend():
    desk = TokenDesk(FakeClock(), lifetime=0)
    with asking(oauth(), vendor(desk), desk.clock) as (client, server):
        with pytest.raises(ConfigError, match="401"):
            get(client)
        assert [exchange.path for exchange in server.log] == ["/token", "/things"] * 2


def test_a_token_that_ends_while_the_source_is_ill_is_renewed_again(scripted):
    statuses = iter([401, 503, 401, 200])
    client, _ = scripted(
        lambda request: {"t": "one"} if request.url.endswith("in") else Response(next(statuses), {}, b"1")
    )
    client = replace(client, auth=Login(Call("/in", json={}), token="t"))
    assert get(client) == 1


def test_new_consent_is_asked_for_and_no_token_is_shown():
    desk = TokenDesk(FakeClock(), refresh="another")
    with asking(oauth(refresh_token=REFRESH), vendor(desk), desk.clock) as (client, server):
        client.log.mask(REFRESH)
        with pytest.raises(ConfigError, match=r"refused to sign in with 400: the refresh token \*\*\*") as caught:
            client.sign_in()
        assert "new consent" in caught.value.hint
        assert len(server.log) == 1


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (Reply.json({"error": "bad_verification_code"}), ConfigError, "200: bad_verification_code"),
        (Reply.json({"token": "x"}), ContractError, "gave no 'access_token'"),
        (Reply.json([]), ContractError, "gave no 'access_token'"),
        (Reply.json({"access_token": ""}), ContractError, "gave no 'access_token'"),
        (Reply(200, b""), ContractError, "gave no 'access_token'"),
        (Reply(200, b"<html>"), ContractError, "not JSON"),
        (Reply(404), ConfigError, "404"),
        (Reply(302, headers={"Location": "https://evil.test/"}), ConfigError, "302"),
        (Reply(503), TransientError, "gave up after 6 attempts"),
    ],
)
def test_a_token_endpoint_that_gives_none(reply, error, message):
    simulation = guarded(lambda _: True, Route("POST", "/token", lambda _: reply))
    with asking(oauth(), simulation) as (client, server):
        with pytest.raises(error, match=message):
            get(client)
        assert len(server.log) <= 6  # what waits for the credential does not try again on top


@pytest.mark.parametrize(
    "fault", [Fault("status", 503), Fault("cut_body"), Fault("invalid_json"), Fault("reset"), Fault("html")]
)
def test_signing_in_is_tried_again_like_any_request(fault):
    desk = TokenDesk(FakeClock())
    with asking(oauth(), vendor(desk), desk.clock, conditions=Conditions(FaultPlan.once(fault, 1))) as (client, _):
        assert get(client)["ok"]


# rotation -------------------------------------------------------------------------------------------------------------


def test_a_refresh_token_that_is_good_once_lives_on_in_the_state():
    desk = TokenDesk(FakeClock(), lifetime=600, refresh=REFRESH, rotating=True)
    kept = ""
    for run in range(4):  # each ends as if killed: nothing goes on but what was kept
        with asking(rotating, vendor(desk), desk.clock, kept) as (client, _):
            client.sign_in()
            assert client.kept != kept
            assert desk.refresh not in client.kept
            for _ in range(run):
                assert get(client)["ok"]
                desk.clock.sleep(1_000)
                assert get(client)["ok"]
            kept = client.kept
    assert len(desk.spent) == desk.grants


class Killed(BaseException):
    pass


class Fragile(Kept):
    """An emit that dies at an operation, before it takes effect."""

    def __init__(self, last):
        super().__init__()
        self.left = last

    def _spend(self):
        self.left -= 1
        if self.left < 0:
            raise Killed

    def upsert(self, table, rows):
        self._spend()
        super().upsert(table, rows)

    def checkpoint(self, state, *, urgent=False):
        self._spend()
        super().checkpoint(state, urgent=urgent)


@pytest.mark.parametrize("last", [1, 2, 3, 4, 5])
def test_a_sync_killed_anywhere_after_its_first_checkpoint_signs_in_again(last):
    desk = TokenDesk(FakeClock(), refresh=REFRESH, rotating=True)

    def page(request):
        at = int(request.params.get("cursor", 0))
        return Reply.json({"rows": [{"id": at}], "next": str(at + 1) if at < 3 else None})

    paged = Route("GET", "/rows", lambda request: page(request) if desk.allows(request) else Reply(401))
    simulation = guarded(desk.allows, Route("POST", "/token", desk.token), paged)
    table = Table("rows", key="id")
    with serve(simulation, clock=desk.clock) as server:
        source = Source(
            Config(secret=Secret("Client secret"), refresh=Secret("Refresh token")),
            lambda settings: Client(
                server.url,
                auth=OAuth2(
                    server.url + "/token", "client", settings.secret, refresh_token=settings.refresh, rotates=True
                ),
            ),
            lambda client, _: [
                Stream(
                    client.pages("/rows", records="rows", paging=NextToken("next", param="cursor")),
                    {table: dict},
                    cursor=Token(),
                    checkpoint_rows=2,
                )
            ],
        )
        settings, rows, state = {"secret": SECRET, "refresh": REFRESH}, [], {}
        for emit in (Fragile(last), Fragile(1), Fragile(99)):
            with suppress(Killed):
                source.run(settings, state, emit=emit, clock=desk.clock)
            rows += emit.rows("rows")
            state = emit.states[-1]
            assert {one["auth"] for one in emit.urgent} == {one["auth"] for one in emit.states}
            assert state["auth"].startswith("v1.")
            assert "refresh-token" not in json.dumps(state)
    assert {row["id"] for row in rows} >= {0, 1, 2, 3}
    assert desk.grants == 3


def asking_source(server, streams):
    """A source whose refresh token is good once, and whose `streams` are made by a function of the client."""
    return Source(
        Config(secret=Secret("Client secret"), refresh=Secret("Refresh token")),
        lambda settings: Client(
            server.url,
            auth=OAuth2(server.url + "/token", "client", settings.secret, refresh_token=settings.refresh, rotates=True),
            test=Call("/things"),
        ),
        lambda client, _: streams(client),
    )


GIVEN = {"secret": SECRET, "refresh": REFRESH}


def test_what_has_no_state_does_not_use_up_a_credential_that_is_good_once():
    desk = TokenDesk(FakeClock(), refresh=REFRESH, rotating=True)
    with serve(vendor(desk), clock=desk.clock) as server:
        source = asking_source(server, lambda client: list[Stream](client.get(client.request("/things"))[:0]))
        assert source.connection_test(GIVEN) == Test.success()
        with pytest.raises(ConfigError, match="good once"):
            source.schema(GIVEN)
    assert desk.grants == 0


def test_a_sync_that_fails_before_it_begins_keeps_the_credential_it_signed_in_with():
    desk = TokenDesk(FakeClock(), refresh=REFRESH, rotating=True)

    def streams(client):
        client.get(client.request("/nowhere"))
        return []

    with serve(vendor(desk), clock=desk.clock) as server:
        emit = Kept()
        for state in ({}, lambda: emit.states[-1]):
            with pytest.raises(SourceError, match="404"):
                asking_source(server, streams).run(GIVEN, state() if callable(state) else state, emit=emit)
    assert desk.grants == 2


def test_consent_given_anew_wins_over_what_was_kept():
    desk = TokenDesk(FakeClock(), refresh=REFRESH, rotating=True)
    with asking(rotating, vendor(desk), desk.clock) as (client, _):
        client.sign_in()
        kept = client.kept
    anew = TokenDesk(FakeClock(), refresh="refresh-token-of-new-consent", rotating=True)
    auth = lambda url: OAuth2(url + "/token", "client", SECRET, refresh_token=anew.refresh, rotates=True)  # noqa: E731
    with asking(auth, vendor(anew), anew.clock, kept) as (client, _):
        assert get(client)["ok"]
        assert client.kept not in {"", kept}


def test_nothing_is_kept_of_a_token_that_stays():
    desk = TokenDesk(FakeClock(), refresh=REFRESH)
    with asking(rotating, vendor(desk), desk.clock) as (client, _):
        assert get(client)["ok"]
        assert client.kept == ""


# sessions -------------------------------------------------------------------------------------------------------------


class Sessions:
    """A login whose sessions live 100 seconds and are told in the body, a header and a cookie."""

    def __init__(self, clock):
        self.clock, self.until, self.logins = clock, {}, 0

    def login(self, request):
        if request.json() != {"user": "ann", "password": "open-sesame"}:
            return Reply.error(401, f"wrong: {request.body.decode()}")
        self.logins += 1
        session = f"session-{self.logins:06d}"
        self.until[session] = self.clock.now() + timedelta(seconds=100)
        return Reply.json(
            {"data": {"token": session, "expires": self.until[session].isoformat()}}, headers={"X-Session": session}
        )

    def allows(self, request):
        shown = request.headers.get("x-session") or authorization(request).removeprefix("Session ")
        shown = shown or request.headers.get("cookie", "").removeprefix("session=") or request.params.get("session")
        return self.clock.now() < self.until.get(shown, self.clock.now())

    def vendor(self):
        return guarded(self.allows, Route("POST", "/login", self.login))


LOGIN = Call("/login", json={"user": "ann", "password": "open-sesame"})


@pytest.mark.parametrize(
    "auth",
    [
        Login(LOGIN, token="data.token", prefix="Session "),
        Login(LOGIN, token="data.token", place="X-Session", lifetime=100),
        Login(LOGIN, token="data.token", place="X-Session", expires="data.expires"),
        Login(LOGIN, token=Header("X-Session"), place="Cookie", prefix="session="),
        Login(LOGIN, token=Header("X-Session"), place=Query("session")),
    ],
)
def test_a_session_is_begun_and_begun_anew(auth):
    sessions = Sessions(FakeClock())
    with asking(auth, sessions.vendor(), sessions.clock) as (client, server):
        for _ in range(5):
            assert get(client)["ok"]
            sessions.clock.sleep(60)
        told = auth.lifetime or auth.expires
        assert (401 in {exchange.status for exchange in server.log}) is not bool(told)
        assert "session-0" not in "".join(client.log.lines)
    assert sessions.logins == 3


def test_a_login_that_is_refused_is_a_setting_to_mend():
    sessions = Sessions(FakeClock())
    wrong = Login(Call("/login", json={"user": "ann", "password": "guessed"}), token="data.token")
    with asking(wrong, sessions.vendor(), sessions.clock) as (client, server):
        client.log.mask("guessed")
        with pytest.raises(ConfigError, match="refused to sign in with 401") as caught:
            get(client)
        assert "guessed" not in str(caught.value)
        assert len(server.log) == 1


def test_a_login_takes_the_clients_headers_along_but_a_token_endpoint_does_not():
    seen = {}

    def login(request):
        seen[request.path] = request.headers.get("x-account")
        return Reply.json({"access_token": "some-token"})

    for auth in (Login(Call("/login", json={}), token="access_token"), oauth()):
        simulation = guarded(lambda _: True, Route("POST", "/login", login), Route("POST", "/token", login))
        with asking(auth, simulation, headers={"X-Account": "7"}) as (client, _):
            get(client)
    assert seen == {"/login": "7", "/token": None}


# signed tokens --------------------------------------------------------------------------------------------------------


def signed_by(key, digest):
    def allows(request):
        head, _, signature = authorization(request).removeprefix("Bearer ").rpartition(".")
        return hmac.compare_digest(decoded(signature), hmac.digest(key.encode(), head.encode(), digest))

    return allows


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(("algorithm", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")])
def test_a_signed_token_is_good_and_made_anew(algorithm, digest):
    auth = Jwt(KEY, lambda _: {"iss": "me"}, algorithm=algorithm, lifetime=300)
    clock = FakeClock()
    with asking(auth, guarded(signed_by(KEY, digest)), clock) as (client, _server):
        assert get(client)["ok"]
        first = client.signing.current().value
        clock.sleep(200)
        assert client.signing.current().value == first
        clock.sleep(80)
        assert client.signing.current().value != first
        assert get(client)["ok"]
    head, claims = (json.loads(decoded(part)) for part in first.split(".")[:2])
    assert head == {"alg": algorithm, "typ": "JWT"}
    assert claims == {"iss": "me", "iat": 1735689600, "exp": 1735689900}


def test_another_algorithm_is_signed_by_a_function():
    auth = Jwt("", lambda _: {"exp": 5}, algorithm="ES256", sign=lambda text: text[-4:], header={"kid": "7"})
    token = auth.at(FakeClock().now())
    head, claims, signature = (decoded(part) for part in token.split("."))
    assert json.loads(head) == {"alg": "ES256", "typ": "JWT", "kid": "7"}
    assert json.loads(claims)["exp"] == 5
    assert signature == token.rpartition(".")[0].encode()[-4:]


def test_a_signed_token_is_taken_for_an_access_token():
    key = "a signing key of the app"
    desk = simulate.OAuth("app", "", assertion=simulate.Jwt(key, (("iss", "app"),)))
    simulation = guarded(desk.allows, desk.route())
    signer = Jwt(key, lambda _: {"iss": "app"})
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signer.at}
    with asking(lambda url: OAuth2(url + desk.path, "", "", fields=grant), simulation) as (client, _):
        assert get(client)["ok"]
        desk.revoke()
        assert get(client)["ok"]
    assert desk.grants == 2


def test_several_ways_to_sign_in_of_one_run_are_kept_apart():
    sessions, desk = Sessions(FakeClock()), TokenDesk(FakeClock())
    both = guarded(lambda request: sessions.allows(request) or desk.allows(request))
    routes = (*both.routes, Route("POST", "/login", sessions.login), Route("POST", "/token", desk.token))
    with asking(Login(LOGIN, token="data.token", prefix="Session "), replace(both, routes=routes)) as (client, server):
        other = replace(client, auth=OAuth2(server.url + "/token", "client", SECRET))
        for _ in range(2):
            assert get(client)["ok"]
            assert get(other)["ok"]
    assert (sessions.logins, desk.grants) == (1, 1)


# what cannot work, and what must not leave ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: ApiKey("", KEY), "`name` is empty"),
        (lambda: ApiKey(Query(""), KEY), "`name` is empty"),
        (lambda: ApiKey("X-Key", ""), "`value` is empty"),
        (lambda: Bearer(""), "`token` is empty"),
        (lambda: Basic(""), "`user` is empty"),
        (lambda: Basic("a:b", "c"), "colon"),
        (lambda: OAuth2("", "client", SECRET), "`token_url` is empty"),
        (lambda: OAuth2("https://a.test", "", SECRET), "`client_id` is empty"),
        (lambda: OAuth2("https://a.test", "client", ""), "`client_secret` is empty"),
        (lambda: OAuth2("https://a.test", "client", SECRET, rotates=True), "no refresh token that rotates"),
        (lambda: OAuth2("https://a.test", "client", SECRET, client="header"), "where the client names itself"),
        (lambda: Login(LOGIN, token=""), "`token` is empty"),
        (lambda: Login(LOGIN, token="t", place=""), "`place` is empty"),
        (lambda: Jwt("", dict), "`key` is empty"),
        (lambda: Jwt(KEY, dict, algorithm="RS256"), "RS256 is not one of"),
    ],
)
def test_an_auth_that_cannot_work_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message) as caught:
        wrong()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "auth",
    [
        ApiKey("k", KEY),
        Bearer(KEY),
        Basic("u", KEY),
        OAuth2("u", "i", KEY),
        Jwt(KEY, dict),
        Login(Call("/", json=[KEY]), token="t"),
    ],
)
def test_no_credential_is_in_a_repr(auth):
    assert KEY not in repr(auth)
    assert KEY not in repr(Client("https://api.test", auth=auth))


PLACES = [ApiKey("X-Key", KEY), ApiKey(Query("key"), KEY), Bearer("sesame"), Basic("u", KEY), Jwt(KEY, lambda _: {})]
ELSEWHERE = [
    "https://evil.test/things",
    "//evil.test/things",
    "http://api.test/things",
    "https://api.test:444/things",
    "https://api.test@evil.test/things",
    "https://evil.test\\@api.test/things",
    "https://user:pw@api.test/things",
    "https://api.test.evil.test/things",
    "https://api.test:0x1bb/things",
    "ftp://api.test/things",
    "https://[::1/things",
]


@pytest.mark.parametrize("auth", PLACES, ids=lambda auth: type(auth).__name__)
@pytest.mark.parametrize("place", ELSEWHERE)
def test_no_credential_goes_elsewhere_by_redirect_or_next_link(scripted, auth, place):
    client, script = scripted(lambda _: Response(307, {"location": place}), auth=auth)
    with pytest.raises(ContractError, match="another address|no address"):
        get(client)
    with pytest.raises(ContractError, match="another address|no address"):
        client.get(Request("GET", place if "://" in place else "https:" + place))
    assert [request.url for request in script.requests] == ["https://api.test/things"]


@pytest.mark.parametrize(
    "place", ["https://api.test:443/things?page=2", "HTTPS://API.test/things", "/things", "?page=2"]
)
def test_another_spelling_of_home_is_home(scripted, sequence, place):
    client, script = scripted(sequence(Response(307, {"location": place}), {"ok": 1}), auth=Bearer("sesame"))
    assert get(client) == {"ok": 1}
    assert script.requests[1].headers["Authorization"] == "Bearer sesame"


def test_a_file_elsewhere_is_fetched_without_anything_of_ours(scripted, sequence):
    moved = Response(302, {"location": "https://third.test/file"})
    client, script = scripted(sequence(moved, {"ok": 1}), auth=ApiKey("X-Key", KEY), headers={"X-Account": "7"})
    request = Request("GET", "https://files.test/export")
    assert client.send(request, abroad=True).read == {"ok": 1}
    assert [request.headers for request in script.requests] == [{}, {}]
    assert [request.url for request in script.requests] == ["https://files.test/export", "https://third.test/file"]
    with pytest.raises(ContractError):
        client.send(Request("GET", "http://files.test/export"), abroad=True)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60))
@settings(deadline=None, max_examples=40)
def test_no_message_shows_a_credential_that_was_obtained(secret):
    lines = Lines()

    def answer(request):
        if request.url.endswith("/in"):
            return Response(200, {}, json.dumps({"token": secret}).encode())
        return Response(400, {}, json.dumps({"message": f"unknown: {dict(request.headers)}"}).encode())

    class Echo:
        def send(self, request):
            return answer(request)

        def close(self):
            pass

    auth = Login(Call("/in", json={}), token="token", prefix="Session ")
    client = Client("https://api.test", auth=auth).begin(Echo(), FakeClock(), lines)
    with pytest.raises(SourceError) as caught:
        get(client, note=secret)
    assert secret not in str(caught.value)
    assert secret not in "".join(lines.lines)


def test_what_is_masked_later_is_masked_for_all_who_share_the_redactor():
    redact = redactor(["configured"])
    log = Log(redact)
    log.mask("obtained-later")
    assert redact("configured obtained-later") == "*** ***"
    log = Log(str.upper)
    log.mask("obtained-later")
    assert log.clean("obtained-later x") == "*** X"


def test_a_way_to_sign_in_can_be_of_ones_own(scripted):
    class Numbered:
        def apply(self, request, granted=""):
            return replace(request, params={**request.params, "n": granted})

        def obtain(self, send, now, kept):
            return Grant(str(int(kept or 0) + 1), keep=str(int(kept or 0) + 1))

    client, script = scripted(lambda _: {}, auth=Numbered())
    begun = client.begin(client.transport, client.clock, client.log, "41")
    get(begun)
    assert (script.requests[0].params, begun.kept) == ({"n": "42"}, "42")
