"""The rig: a journal is as good as the destination it stands in for, and what a sync told is all there."""

import pytest

from headwater.engine import load
from headwater.prove.rig import Rig
from headwater.prove.snapshot import difference
from headwater.simulate import Conditions, Fault, FaultPlan

from .conftest import HANDWRITTEN, ON_RUNTIME

MEGABYTES = """
from fivetran_connector_sdk import Connector, Operations

def update(configuration, state):
    for number in range(20):
        Operations.upsert("large", {"id": number, "text": "x" * 1024 * 1024})
    Operations.checkpoint({"done": True})

connector = Connector(update=update, schema=lambda configuration: [{"table": "large", "primary_key": ["id"]}])
"""


@pytest.fixture(scope="module", params=[ON_RUNTIME, HANDWRITTEN], ids=["on the runtime", "hand-written"])
def vendor(request, small):
    with Rig(load(request.param), small, "quick", 0).vendor() as running:
        yield running


def test_a_journal_lands_what_the_sync_itself_would_have_landed(vendor):
    rehearsal = vendor.rehearse()
    with vendor.landing() as direct, vendor.landing() as later:
        direct.sync()
        rehearsal.journal.land(later.destination)
        assert difference(direct.snapshot(), later.snapshot()) == ""
        assert len(later.snapshot().rows["cpg_records"]) == 63


def test_rehearsals_are_the_same_when_they_committed_and_saved_the_same(vendor):
    marks = vendor.rehearse().sync.marks
    one, same = (vendor.rehearse(kill_at=marks[0] - near) for near in (0, 1))
    assert one.same(same)
    assert not one.same(vendor.rehearse(kill_at=marks[0] + 1))


def test_rehearsals_with_rows_are_the_same_by_their_rows(vendor, small):
    assert vendor.rehearse().same(vendor.rehearse())
    with Rig(vendor.rig.connector, small, "quick", 1).vendor() as other:
        assert not vendor.rehearse().same(other.rehearse())


def test_a_journal_keeps_rows_that_would_wait_on_disk(tmp_path, small):
    (tmp_path / "connector.py").write_text(MEGABYTES)
    with Rig(load(tmp_path), small, "quick", 0).vendor() as vendor, vendor.landing() as landing:
        one, other = vendor.rehearse(), vendor.rehearse()
        assert one.same(other)
        one.journal.land(landing.destination)
        assert len(landing.snapshot().rows["large"]) == 20


def test_a_destination_is_empty_again_for_the_next_landing(vendor):
    with vendor.landing() as landing:
        landing.sync()
    with vendor.landing() as landing:
        assert landing.snapshot().contents == {}


def test_marks_are_the_checkpoints_counted_among_all_operations(vendor):
    sync = vendor.rehearse().sync
    assert len(sync.marks) == sync.result.operations["checkpoints"]
    assert sync.marks[-1] == sync.operations - 1


def test_what_a_failed_sync_told_includes_its_error_and_the_chain_behind_it(vendor):
    sync = vendor.rehearse(conditions=Conditions(FaultPlan.every(Fault("status", 404)))).sync
    assert sync.result.status == "failed"
    assert "404" in sync.told()
    assert "Traceback" in sync.told()


def test_a_death_at_a_request_comes_before_it_is_sent(small):
    with Rig(load(ON_RUNTIME), small, "quick", 0).vendor() as vendor:
        sync = vendor.rehearse(die_at_request=3).sync
        assert sync.result.status == "killed"
        assert len(sync.exchanges) == 2


def test_declared_tables_are_named_as_the_destination_names_them(vendor):
    assert vendor.rig.declared(vendor.configuration) == {"cpg_records": ("record_id",)}
