"""The SDK's own command, run in a process of its own."""

from __future__ import annotations

import json

import pytest

from headwater.engine import DuckDbDestination, StateFile, content, differences, load, run, run_sdk
from headwater.errors import UsageError

CONNECTOR = """
from fivetran_connector_sdk import Connector, Logging, Operations as op

def update(configuration, state):
    Logging.info(f"hello {configuration['who']}")
    for number in range(state.get("n", 0), state.get("n", 0) + 3):
        op.upsert("t", {"id": number, "Price": number + 0.5, "at": "2024-01-01T00:00:00Z"})
    op.checkpoint({"n": state.get("n", 0) + 3})
    if configuration["who"] == "nobody":
        raise ValueError("no luck")

connector = Connector(update=update, schema=lambda configuration: [{"table": "t", "primary_key": ["id"]}])
"""


@pytest.mark.sdk
@pytest.mark.timeout(180)
def test_the_command_and_this_engine_leave_the_same(tmp_path):
    (tmp_path / "connector.py").write_text(CONNECTOR)
    states, events = StateFile(tmp_path / "files" / "state.json"), []
    first = run_sdk(tmp_path, configuration={"who": "me"}, on_event=events.append)
    second = run_sdk(tmp_path, configuration={"who": "nobody"}, state=states)

    ours, loaded = DuckDbDestination(), load(tmp_path)
    mine = [
        run(loaded, configuration={"who": who}, state=state, destination=ours)
        for who, state in [("me", {}), ("nobody", {"n": 3})]
    ]

    assert differences(content(tmp_path / "files" / "warehouse.db"), content(ours)) == []
    for theirs, own in zip([first, second], mine, strict=True):
        assert (theirs.status, theirs.tables, theirs.state, theirs.operations) == (
            own.status,
            own.tables,
            own.state,
            own.operations,
        )
    assert "hello me" in [event.message for event in events]
    assert "no luck" in str(second.error)
    assert json.loads(states.path.read_text()) == {"n": 6}


@pytest.mark.sdk
@pytest.mark.timeout(180)
def test_a_state_file_elsewhere(tmp_path):
    (tmp_path / "connector.py").write_text(CONNECTOR)
    states = StateFile(tmp_path / "elsewhere.json")
    assert run_sdk(tmp_path, configuration={"who": "me"}, state=states).state == {"n": 3}
    assert states.read() == {"n": 3}


def test_without_the_command(tmp_path):
    with pytest.raises(UsageError, match="fivetran"):
        run_sdk(tmp_path, configuration={}, program=str(tmp_path / "nothing"))
