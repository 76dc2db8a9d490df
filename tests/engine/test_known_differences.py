"""Where this engine means to differ from the SDK's runner, each with what both do (docs/engine.md gives the reasons)."""

from __future__ import annotations

import pytest

from .harness import Operation, Sync, compared, mod, ok, ours, row, table, up

KEYED = [table("t", "id")]
DECIMAL = {"type": "DECIMAL", "precision": 5, "scale": 2}


def sync(declared, *operations):
    return Sync(declared, operations)


# name: syncs, what the reference says differently, our rows (deleted?, then the other columns in order of their names)
DIFFERENCES = {
    "a zone without seconds": (
        [sync(KEYED, up("t", id=1, at="2024-01-01T10:00Z"), up("t", id=2, at="2024-01-01t10:00+02:00"))],
        "failed: expected",
        {("false", "2024-01-01 10:00:00+00", "1"), ("false", "2024-01-01 08:00:00+00", "2")},
    ),
    "digits of other scripts": (
        [sync(KEYED, up("t", id=1, c="\N{ARABIC-INDIC DIGIT ONE}"), up("t", id=2, c=5))],
        "failed: expected",
        {("false", "\N{ARABIC-INDIC DIGIT ONE}", "1"), ("false", "5", "2")},
    ),
    "a text in a decimal column": (
        [sync([table("t", "id", c=DECIMAL)], up("t", id=1, c="1.5")), sync(KEYED, up("t", id=2, c="x"))],
        "failed: expected",
        {("false", "1.50", "1"), ("false", "x", "2")},
    ),
    "a row of another sync updated to the empty text": (
        [sync(KEYED, up("t", id=1, c="x")), sync(KEYED, mod("t", id=1, c=""))],
        "c: None",
        {("false", "", "1")},
    ),
    "several spellings of one key": (
        [sync(KEYED, up("t", id=1, c="first"), up("t", id="1.0", c="second"), up("t", id="1.00", c="third"))],
        "c: 'first'",
        {("false", "third", "1.0")},
    ),
    "an update whose key is of another type": (
        [sync(KEYED, up("t", id=1), ok(), mod("t", id="x", c=1))],
        "failed: expected",
        {("false", None, "1")},
    ),
    "a reserved column declared": (
        [sync([table("t", "id", _fivetran_deleted="STRING")], row("t", {"id": 1, "_fivetran_deleted": "no"}))],
        "column _fivetran_deleted is BOOLEAN, expected VARCHAR",
        {("false", "1")},
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_known_difference(name, tmp_path):
    syncs, said, rows = DIFFERENCES[name]
    assert said in "\n".join(compared(syncs, tmp_path))
    last = ours(syncs)[-1]
    assert last.error is None
    assert set(last.tables["t"].rows) == rows


def test_a_state_that_is_no_object_fails_at_once_and_not_in_the_next_sync(tmp_path):
    syncs = [sync(KEYED, up("t", id=1), Operation("checkpoint", ([1, 2],)))]
    assert "state {}, expected [1, 2]" in "\n".join(compared(syncs, tmp_path))


def test_a_value_that_does_not_fit_fails_the_sync_also_if_an_update_replaces_it(tmp_path):
    declared = [table("t", "id", user_name="BOOLEAN")]
    syncs = [sync(declared, up("t", id=1, userName=5), mod("t", id=1, userName=True))]
    assert "failed: expected None" in "\n".join(compared(syncs, tmp_path))
    assert "does not fit its column" in str(ours(syncs)[-1].error)
