"""What is saved has a version and a shape; what another version or shape saved is refused or begun anew."""

import json

import pytest

from headwater_runtime import ConfigError, FullRefresh, Token
from headwater_runtime.log import Log
from headwater_runtime.ranges import Windows
from headwater_runtime.sequence import Sequence
from headwater_runtime.state import State
from headwater_runtime.watermark import Watermark

from .cursor_model import BORN, DAY, Fake

LOG = Log()
OLD = {"version": 1, "streams": {"cpg_records": {"shape": "token NextToken /cpg_data → cpg_records", "token": "d18a"}}}


def test_an_empty_state_saves_nothing_for_anyone():
    state = State({})
    assert state.saved("things", "shape", LOG) == {}
    assert state.as_dict() == {"version": 1, "streams": {}}


def test_what_is_put_is_saved_under_its_shape_and_comes_back():
    state = State({})
    state.put("things", "token …", {"token": "t1"})
    again = State(json.loads(json.dumps(state.as_dict())))
    assert again.saved("things", "token …", LOG) == {"token": "t1"}
    assert again.saved("things", "watermark …", LOG) == {}
    assert again.saved("others", "token …", LOG) == {}


def test_states_of_before_are_good():
    state = State(OLD)
    assert state.saved("cpg_records", OLD["streams"]["cpg_records"]["shape"], LOG) == {"token": "d18a"}
    assert state.as_dict() == OLD


def test_a_checkpoint_is_a_copy():
    state = State({})
    inner = {"parts": {"a": {"token": 1}}}
    state.put("things", "s", inner)
    taken = state.as_dict()
    inner["parts"]["a"]["token"] = 2
    assert taken["streams"]["things"]["parts"] == {"a": {"token": 1}}


def test_a_sealed_credential_is_kept_beside_the_streams():
    state = State({**OLD, "auth": "v1.nonce.text.tag"})
    assert state.auth == "v1.nonce.text.tag"
    state.auth = "v1.other.text.tag"
    assert state.as_dict() == {**OLD, "auth": "v1.other.text.tag"}


@pytest.mark.parametrize(
    "foreign",
    [
        {"cursor": "abc"},
        {"version": 2, "streams": {}},
        {"version": 1, "streams": []},
        {"version": 1, "streams": {"a": 1}},
    ],
)
def test_a_state_this_runtime_did_not_write_is_refused(foreign):
    with pytest.raises(ConfigError, match="not written by this connector"):
        State(foreign)


CURSORS = [
    FullRefresh(),
    FullRefresh(delete_vanished=True),
    Token(),
    Watermark("changed"),
    Windows("2025-01-01", step=DAY, unit=DAY),
    Sequence(),
    Sequence(changed="changed"),
]


@pytest.mark.parametrize("cursor", CURSORS, ids=lambda cursor: cursor.name)
def test_every_cursor_drops_members_it_does_not_know_and_begins_without_those_it_lacks(cursor):
    source = Fake(durable=True, paging="Keyset")
    plain = cursor.begin({}, source, BORN).saved()
    assert cursor.begin({"size": 250, "future": {"a": 1}}, source, BORN).saved() == plain
    assert cursor.begin(json.loads(json.dumps(plain)), source, BORN).saved() == plain


@pytest.mark.parametrize(
    ("cursor", "saved"),
    [
        (Watermark("changed"), {"since": "2025-01-05"}),
        (Windows("2025-01-01", step=DAY, unit=DAY), {"until": "2025-01-05"}),
        (Sequence(changed="changed"), {"until": 17, "since": "2025-01-05"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_least_that_a_cursor_saves_is_enough_to_go_on(cursor, saved):
    def handed(saved):
        progress = cursor.begin(json.loads(json.dumps(saved)), Fake(durable=True, paging="Keyset"), BORN)
        kept = progress.saved()
        return {(one.start, one.end, one.up_to, one.at) for one in iter(progress.next, None)}, kept

    slices, kept = handed(saved)
    assert (None, None, None, None) not in slices
    assert handed(kept)[0] == slices
