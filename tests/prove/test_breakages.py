"""A proof is worth what it catches: each connector here is broken in one place, and the laws that must fail are named."""

from dataclasses import dataclass

import pytest

from headwater.prove import LAWS

from .conftest import HANDWRITTEN, ON_RUNTIME


@dataclass(frozen=True)
class Breakage:
    """`old` becomes `new`; the laws `caught` must fail, and the last of them must say `says` and not just anything."""

    old: str
    new: str
    caught: tuple[int, ...]
    says: str
    file: str = "connector.py"


BY_HAND = {
    "saves the position before the rows it covers": Breakage(
        "            for record in records:\n",
        "            op.checkpoint({'cursor': page.get('next_cursor')})\n            for record in records:\n",
        (1, 5),
        "cpg_records: lacks 7 rows",
    ),
    "skips the last page": Breakage(
        "            for record in records:\n",
        "            for record in records if page['has_more'] else []:\n",
        (1, 2, 5, 11),
        "cpg_records lacks",
    ),
    "loses the last row of each page that is not the last": Breakage(
        "            for record in records:\n",
        "            for record in records[:-1] if page['has_more'] else records:\n",
        (1, 2, 5, 11),
        "cpg_records lacks",
    ),
    "takes at most 50 rows of a page": Breakage(
        "            for record in records:\n",
        "            for record in records[:50]:\n",
        (5,),
        "cpg_records lacks 13 of 63 rows",
    ),
    "stops on an empty page": Breakage(
        "            for record in records:\n",
        "            if not records:\n                return\n            for record in records:\n",
        (11,),
        "cpg_records lacks 63 of 63 rows",
    ),
    "does not retry": Breakage(
        "ATTEMPTS = 4",
        "ATTEMPTS = 1",
        (4,),
        "The source keeps failing.",
    ),
    "takes a failing source for the end of the data": Breakage(
        '    raise RuntimeError("The source keeps failing.")',
        '    return {"cpg_records": [], "has_more": False}',
        (1,),
        "claims success although the source was gone",
    ),
    "retries nothing and takes a failure for the end": Breakage(
        '            log.warning("The request failed and is tried again.")',
        '            return {"cpg_records": [], "has_more": False}',
        (1, 4),
        "table cpg_records",
    ),
    "remembers a position and never uses it": Breakage(
        'cursor = state.get("cursor")',
        "cursor = None",
        (2,),
        "63 rows were written, 3 at most were due",
    ),
    "declares no primary key": Breakage(
        ', "primary_key": ["record_id"]',
        "",
        (7,),
        "null in record_id",
    ),
    "leaves floats to the SDK": Breakage(
        ', "columns": dict.fromkeys(DOUBLES, "DOUBLE")',
        "",
        (1, 2, 5, 11),
        "order_total is 751.7000122070312, the source has 751.7",
    ),
    "writes a table it does not declare": Breakage(
        '                op.upsert("cpg_records", record)\n',
        '                op.upsert("cpg_records", record)\n                op.upsert("cpg_seen", {"id": record["record_id"]})\n',
        (2, 12),
        "not in the schema: cpg_seen",
    ),
    "logs its key": Breakage(
        'log.debug(f"Read',
        "log.debug(f\"Read with {configuration['api_key']}",
        (9,),
        "Read with <secret>",
    ),
    "prints its headers": Breakage(
        '            log.debug(f"Read',
        '            print(configuration)\n            log.debug(f"Read',
        (9,),
        "{'api_key': '<secret>'",
    ),
    "says its key on standard error": Breakage(
        '            log.debug(f"Read',
        "            print(configuration, file=__import__('sys').stderr)\n            log.debug(f\"Read",
        (9,),
        "{'api_key': '<secret>'",
    ),
    "sends its key as basic auth and logs the header": Breakage(
        'log.debug(f"Read',
        "log.debug(__import__('base64').b64encode(f\"me:{configuration['api_key']}\".encode()).decode() + f\"Read",
        (9,),
        "<secret>",
    ),
    "keeps its key in the state": Breakage(
        'op.checkpoint({"cursor": cursor})',
        "op.checkpoint({'cursor': cursor, 'as': configuration['api_key']})",
        (9,),
        "'as': '<secret>'",
    ),
    "quotes what the source says about a refusal": Breakage(
        "                reply.raise_for_status()\n",
        "                if not reply.ok:\n                    raise RuntimeError(reply.text)\n",
        (9,),
        "api_key: <secret>",
    ),
}

ON_THE_RUNTIME = {
    "drops a record in its row function": Breakage(
        "    return record\n",
        '    return record if record["record_id"] > "1" else None\n',
        (1, 2, 5, 11),
        "cpg_records lacks",
        file="models.py",
    ),
    "rounds a value": Breakage(
        "    return record\n",
        '    return {**record, "order_total": round(record["order_total"])}\n',
        (1, 2, 5, 11),
        "order_total is 752, the source has 751.7",
        file="models.py",
    ),
    "does not retry": Breakage(
        'auth=ApiKey("api_key", settings.api_key))',
        'auth=ApiKey("api_key", settings.api_key), retry=__import__("headwater_runtime").Retry(attempts=1))',
        (4,),
        "gave up after 1 attempts",
        file="api.py",
    ),
}


def failed(found):
    return tuple(number for number, verdict in found.items() if verdict == "failed")


@pytest.mark.parametrize("name", BY_HAND)
def test_a_hand_written_connector_that(name, broken, verdicts):
    breakage = BY_HAND[name]
    found, proof = verdicts(broken(HANDWRITTEN, breakage.file, breakage.old, breakage.new), *breakage.caught)
    assert failed(found) == breakage.caught
    assert breakage.says in proof.judgements[-1].failures[0].problem


@pytest.mark.parametrize("name", ON_THE_RUNTIME)
def test_a_connector_on_the_runtime_that(name, broken, verdicts):
    breakage = ON_THE_RUNTIME[name]
    found, proof = verdicts(broken(ON_RUNTIME, breakage.file, breakage.old, breakage.new), *breakage.caught)
    assert failed(found) == breakage.caught
    assert breakage.says in proof.judgements[-1].failures[0].problem


@pytest.mark.parametrize("name", ["logs its key", "stops on an empty page"])
def test_no_other_law_fails_for_a_connector_that(name, broken, verdicts):
    breakage = BY_HAND[name]
    found, _ = verdicts(broken(HANDWRITTEN, breakage.file, breakage.old, breakage.new), 5, 7, 9, 11, 12)
    assert failed(found) == breakage.caught


def test_every_law_is_seen_to_fail():
    caught = {number for breakage in (*BY_HAND.values(), *ON_THE_RUNTIME.values()) for number in breakage.caught}
    assert caught == {law.number for law in LAWS}
