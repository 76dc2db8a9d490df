"""Queries that fail by what they ask for, over real HTTP."""

import pytest
import requests

from headwater.simulate import (
    Heavy,
    Offset,
    Poisoned,
    Population,
    Route,
    Simulation,
    Timeline,
    Unwell,
    Within,
    paged,
    rows,
    serve,
)


@pytest.fixture
def ask(clock, http):
    """Return a function that serves 50 things which fail in given ways and gives (ask, server)."""
    servers = []

    def build(*failing, **how):
        things = Population(lambda seed, index, version: {"id": index}, 50, timeline=Timeline(50))
        handler = paged(rows(things, Within("from", "to")), Offset(), failing=failing)
        servers.append(serve(Simulation((Route("GET", "/", handler),), {}, {}, **how), clock=clock))

        def get(**params):
            return http.get(servers[-1].url, params=params, timeout=(5, 0.2)).status_code

        return get, servers[-1]

    yield build
    for server in servers:
        server.close()


def test_a_poisoned_record_fails_every_page_it_is_on(ask):
    get, _ = ask(Poisoned({7}), Poisoned(step=20, status=502))
    assert [get(offset=offset, limit=4) for offset in (0, 4, 8, 16, 20)] == [200, 500, 200, 502, 200]
    assert get(offset=7, limit=1) == 500


def test_a_query_that_selects_too_much_must_ask_for_less(ask):
    get, _ = ask(Heavy(20, status=504))
    assert get(limit=1) == 504
    assert get(limit=1, to="2024-07-01") == 504
    assert get(limit=100, to="2024-04-01") == 200


def test_a_failing_query_can_be_silent(ask):
    get, server = ask(Heavy(20))
    with pytest.raises(requests.ReadTimeout):
        get()
    assert [one.status for one in server.log] == [0]


def test_large_pages_fail_until_the_database_has_healed(ask):
    unwell = Unwell(largest=10, times=2, status=503)
    get, server = ask(unwell, forget=unwell.forget)
    assert [get(limit=limit) for limit in (50, 10, 20, 50)] == [503, 200, 503, 200]
    server.reset()
    assert get(limit=50) == 503
