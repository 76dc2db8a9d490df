"""A proof is worth what it catches: each connector here is broken in one place, and the laws that must fail are named."""

import pytest

from headwater.prove import LAWS

from .conftest import HANDWRITTEN, ON_RUNTIME

BY_HAND = {
    "saves the position before the rows it covers": (
        "            for record in records:\n",
        "            op.checkpoint({'cursor': page.get('next_cursor')})\n            for record in records:\n",
        {1, 5},
        "instead of 63",
    ),
    "skips the last page": (
        "            for record in records:\n",
        "            for record in records if page['has_more'] else []:\n",
        {1, 2, 5, 11},
        "cpg_records lacks",
    ),
    "loses the last row of each page that is not the last": (
        "            for record in records:\n",
        "            for record in records[:-1] if page['has_more'] else records:\n",
        {1, 2, 5, 11},
        "cpg_records lacks",
    ),
    "takes at most 50 rows of a page": (
        "            for record in records:\n",
        "            for record in records[:50]:\n",
        {5},
        "cpg_records lacks 13 of 63 rows",
    ),
    "stops on an empty page": (
        "            for record in records:\n",
        "            if not records:\n                return\n            for record in records:\n",
        {11},
        "cpg_records lacks 63 of 63 rows",
    ),
    "does not retry": (
        "ATTEMPTS = 4",
        "ATTEMPTS = 1",
        {4},
        "The source keeps failing.",
    ),
    "takes a failing source for the end of the data": (
        '    raise RuntimeError("The source keeps failing.")',
        '    return {"cpg_records": [], "has_more": False}',
        {1},
        "claims success although the source was gone",
    ),
    "retries nothing and takes a failure for the end": (
        '            log.warning("The request failed and is tried again.")',
        '            return {"cpg_records": [], "has_more": False}',
        {1, 4},
        "",
    ),
    "remembers a position and never uses it": (
        'cursor = state.get("cursor")',
        "cursor = None",
        {2},
        "63 rows were written, 3 at most were due",
    ),
    "declares no primary key": (
        ', "primary_key": ["record_id"]',
        "",
        {7},
        "null in record_id",
    ),
    "leaves floats to the SDK": (
        ', "columns": dict.fromkeys(DOUBLES, "DOUBLE")',
        "",
        {1, 2, 5, 11},
        "order_total is 751.7000122070312, the source has 751.7",
    ),
    "writes a table it does not declare": (
        '                op.upsert("cpg_records", record)\n',
        '                op.upsert("cpg_records", record)\n                op.upsert("cpg_seen", {"id": record["record_id"]})\n',
        {2, 12},
        "",
    ),
    "logs its key": (
        'log.fine(f"Read',
        "log.fine(f\"Read with {configuration['api_key']}",
        {9},
        "Read with <secret>",
    ),
    "prints its headers": (
        '            log.fine(f"Read',
        '            print(configuration)\n            log.fine(f"Read',
        {9},
        "{'api_key': '<secret>'",
    ),
    "keeps its key in the state": (
        'op.checkpoint({"cursor": cursor})',
        "op.checkpoint({'cursor': cursor, 'as': configuration['api_key']})",
        {9},
        "'as': '<secret>'",
    ),
    "quotes what the source says about a refusal": (
        "                reply.raise_for_status()\n",
        "                if not reply.ok:\n                    raise RuntimeError(reply.text)\n",
        {9},
        "api_key: <secret>",
    ),
}

ON_THE_RUNTIME = {
    "drops a record in its row function": (
        "models.py",
        "    return record\n",
        '    return record if record["record_id"] > "1" else None\n',
        {1, 2, 5, 11},
        "cpg_records lacks",
    ),
    "rounds a value": (
        "models.py",
        "    return record\n",
        '    return {**record, "order_total": round(record["order_total"])}\n',
        {1, 2, 5, 11},
        "order_total is 752, the source has 751.7",
    ),
}


def failed(found):
    return {number for number, verdict in found.items() if verdict == "failed"}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_hand_written_connector_that(name, broken, verdicts):
    old, new, caught = BY_HAND[name]
    found, proof = verdicts(broken(HANDWRITTEN, "connector.py", old, new), *caught)
    assert failed(found) == caught
    assert not proof.holds


@pytest.mark.parametrize("name", ON_THE_RUNTIME)
def test_a_connector_on_the_runtime_that(name, broken, verdicts):
    file, old, new, caught = ON_THE_RUNTIME[name]
    found, _ = verdicts(broken(ON_RUNTIME, file, old, new), *caught)
    assert failed(found) == caught


@pytest.mark.parametrize("name", ["writes a table it does not declare", "does not retry"])
def test_no_other_law_fails_for_a_connector_that(name, broken, verdicts):
    old, new, caught = BY_HAND[name]
    found, _ = verdicts(broken(HANDWRITTEN, "connector.py", old, new))
    assert failed(found) == caught


def test_every_law_is_seen_to_fail():
    caught = [laws for *_, laws in BY_HAND.values()] + [laws for *_, laws in ON_THE_RUNTIME.values()]
    assert set().union(*caught) == {law.number for law in LAWS}
