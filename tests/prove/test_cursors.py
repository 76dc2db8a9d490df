"""Connectors by date and by id, with several streams, child tables and parallel reading: sound ones hold, broken ones do not."""

from dataclasses import replace

import pytest

from headwater.engine import load
from headwater.prove import LAWS, prove
from headwater.prove.rig import Rig
from headwater.simulate import load_simulator

from .conftest import ON_RUNTIME, ROOT

BY_DATE, BY_ID = ROOT / "connectors" / "leadfeeder", ROOT / "connectors" / "virtuous"


def shrunk(name, records, **settings):
    simulator = load_simulator(ROOT / "simulators" / name)
    return replace(simulator, records=records, configuration=lambda url: {**simulator.configuration(url), **settings})


@pytest.fixture(scope="session")
def visits():
    """Windows of a month, two streams, four tables, places from both of them."""
    return shrunk("leadfeeder", 60, page_size="10")


@pytest.fixture(scope="session")
def gifts():
    """Ids in ranges, eight at a time, with changes by date and a child table."""
    return shrunk("virtuous", 40, page_size="20")


def judged(project, simulator, *numbers):
    laws = [law for law in LAWS if law.number in numbers]
    proof = prove(project, simulator, effort="quick", laws=laws)
    return {one.number: one.verdict for one in proof.judgements}, [
        case.problem for one in proof.judgements for case in one.failures
    ]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", [1, 2, 4, 5, 11])
def test_windows_of_days_hold(visits, number):
    assert judged(BY_DATE, visits, number) == ({number: "passed"}, [])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", [1, 2, 4, 5])
def test_ids_read_in_eight_lanes_hold(gifts, number):
    assert judged(BY_ID, gifts, number) == ({number: "passed"}, [])


def test_the_order_of_operations_does_not_depend_on_timing(gifts):
    with Rig(load(BY_ID), gifts, "quick", 0).vendor() as vendor:
        one = vendor.rehearse(kill_at=80)
        assert all(vendor.rehearse(kill_at=80).same(one) for _ in range(5))


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("sync.py", "lookback=DAY", "lookback=40 * DAY", "were not due"),
        ("sync.py", "lag=0 * DAY", "lag=9 * DAY", "lacks"),
    ],
    ids=["reads forty days again", "ends nine days before now"],
)
def test_windows_that_are_broken(visits, broken, file, old, new, says):
    found, problems = judged(broken(BY_DATE, file, old, new), visits, 2)
    assert found == {2: "failed"}
    assert says in problems[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("sync.py", "unit=timedelta(days=1)", "unit=timedelta(days=90)", "were not due"),
        ("sync.py", "unit=timedelta(days=1)", "unit=timedelta(days=1), lag=timedelta(days=60)", "were not due"),
        ("api.py", '_condition("Last Modified Date", "On', '_condition("Create Date", "On', "the source has"),
    ],
    ids=["reads a quarter again", "trusts no change of two months", "asks for what was added, not changed"],
)
def test_ids_that_are_broken(gifts, broken, file, old, new, says):
    found, problems = judged(broken(BY_ID, file, old, new), gifts, 2)
    assert found == {2: "failed"}
    assert says in problems[0]


def test_what_is_kept_beside_a_position_is_none(small, broken):
    project = broken(ON_RUNTIME, "sync.py", "cursor=Token(), ", "")
    rig = Rig(load(project), small, "quick", 0)
    from headwater.prove.laws.repeated import _remembers

    with rig.vendor() as vendor:
        sync = vendor.rehearse().sync
        entry = {"shape": "x", "rows": 7, "size": 5, "keys": "abc", "count": 3}
        for beside, remembered in ((entry, False), ({**entry, "since": "2025-01-01"}, True)):
            state = {"version": 1, "auth": "v1.x", "streams": {"cpg_records": beside}}
            assert _remembers(rig, replace(sync, result=replace(sync.result, state=state))) is remembered


def test_a_stream_that_is_read_whole_beside_one_that_remembers_may_write_all_again(small, broken):
    project = broken(
        ON_RUNTIME,
        "sync.py",
        "    yield Stream(",
        "    from models import Table\n    yield Stream(cpg_data(client, settings), {Table('copies', key='record_id'): cpg_record})\n    yield Stream(",
    )
    assert judged(project, small, 2) == ({2: "passed"}, [])
