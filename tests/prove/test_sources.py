"""The laws where the source is no HTTP API: what they say then, and that they catch a connector that is broken."""

from dataclasses import replace

import pytest

from headwater import catalog
from headwater.prove import LAWS, Case, Law, prove, render
from headwater.simulate import load_simulator

from .conftest import ON_RUNTIME


@pytest.fixture(scope="module")
def few():
    """Return a function that gives a simulator of little data, by its name."""
    sizes = {"postgres_tables": 12, "s3_files": 6}
    return lambda name: replace(load_simulator(catalog.simulator(name)), records=sizes[name])


def judged(project, simulator, *numbers):
    proof = prove(project, simulator, effort="quick", laws=[law for law in LAWS if law.number in numbers])
    return {one.number: one for one in proof.judgements}, proof


def test_what_a_law_could_not_try_is_a_note_on_a_verdict_that_stands(small):
    def check(_rig):
        yield Case("one")
        return "The other was not tried."

    (one,) = prove(ON_RUNTIME, small, laws=[Law(99, "Two cases", check)]).judgements
    assert (one.verdict, one.cases, one.reason) == ("passed", 1, "The other was not tried.")


@pytest.mark.timeout(120)
def test_a_connector_that_reads_by_a_driver_is_not_killed_at_requests_and_the_page_says_so(few):
    simulator = replace(few("postgres_tables"), records=2)
    found, proof = judged(catalog.connectors()["postgres_tables"], simulator, 1, 7)
    assert {number: one.verdict for number, one in found.items()} == {1: "passed", 7: "passed"}, proof.judgements
    assert "reads by a driver" in found[1].reason
    assert "was not made to show a bad one" in found[7].reason
    page = render(proof, "again")
    assert "over its own protocol, to a real PostgreSQL server" in page
    assert f"- Law 1: {found[1].reason}" in page


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "old", "new", "law", "says"),
    [
        ("postgres_tables", ", deleted=deleted)", ")", 2, "customers: 5 rows were written, 2 of them were not due"),
        ("postgres_tables", "delete_vanished=bool(key) and mirrored", "", 2, "stock holds 2 rows the source does not"),
        (
            "postgres_tables",
            "Watermark(since, lag=",
            "Watermark(since, start='2024-06-01', lag=",
            11,
            "lacks 1 of 1 rows",
        ),
        ("postgres_tables", "key = models.key(found, settings.keys)", "key = found.key", 1, "order_totals"),
        ("s3_files", "settings.delete_vanished and not key", "False", 2, "orders holds"),
        ("s3_files", "may_be_empty=settings.may_be_empty", "may_be_empty=False", 11, "SourceError"),
    ],
)
def test_a_connector_that_is_broken_in_one_place_is_caught(few, broken, name, old, new, law, says):
    project = broken(catalog.connectors()[name], "sync.py", old, new)
    found, proof = judged(project, few(name), law)
    assert found[law].verdict == "failed", proof.judgements
    assert any(says in case.problem for case in found[law].failures), found[law].failures
