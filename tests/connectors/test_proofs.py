"""A proof on the shelf is of the connector on the shelf."""

import re

import pytest

from headwater import catalog
from headwater.prove import tree_hash


@pytest.mark.parametrize("name", sorted(catalog.connectors()))
def test_the_proof_is_of_this_connector_and_every_law_was_judged(name):
    project = catalog.connectors()[name]
    page = (project / "PROOF.md").read_text()
    assert f"tree `{tree_hash(project)}`" in page, f"run `headwater prove connectors/{name}`"
    assert "❌" not in page
    passed, not_applicable = page.count("✅ passed"), len(re.findall(r"not applicable", page))
    assert passed >= 7
    assert passed + not_applicable >= 8, "a law is neither passed nor said not to apply"
