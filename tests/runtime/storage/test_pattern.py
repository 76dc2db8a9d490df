"""Paths with blanks."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ConfigError
from headwater_runtime.storage.pattern import Pattern, literal


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        ("a/*.csv", "a/b.csv", {}),
        ("a/*.csv", "a/b/c.csv", None),
        ("a/*.csv", "a/.b.csv", None),
        ("*", "x", {}),
        ("?.csv", "é.csv", {}),
        ("?.csv", "ab.csv", None),
        ("[ab].csv", "b.csv", {}),
        ("[!ab].csv", "c.csv", {}),
        ("[!ab].csv", "a.csv", None),
        ("x[!a]y", "x/y", None),
        ("[*].csv", "*.csv", {}),
        ("[*].csv", "a.csv", None),
        ("{{a}}.csv", "{a}.csv", {}),
        ("**", "a/b/c", {}),
        ("**/c", "c", {}),
        ("**/c", "a/b/c", {}),
        ("**/c", "a/.b/c", None),
        ("a/**/c", "a/c", {}),
        ("a/**/b/**/c", "a/x/b/y/z/c", {}),
        ("{region}/x", "eu/x", {"region": "eu"}),
        ("{region}/x", "a/b/x", None),
        ("r={region}_{n}.csv", "r=eu_west_1.csv", {"region": "eu", "n": "west_1"}),
        ("{d:%Y-%m-%d}", "2025-02-28", {"d": date(2025, 2, 28)}),
        ("{d:%Y-%m-%d}", "2025-02-30", None),
        ("{d:%Y%m}", "202502", {"d": date(2025, 2, 1)}),
        ("{d:%Y%m%dT%H%M%S}.csv", "20250228T235959.csv", {"d": datetime(2025, 2, 28, 23, 59, 59)}),
        ("d={d:%Y-%m-%d}", "d=__HIVE_DEFAULT_PARTITION__", {"d": None}),
        (
            "r={r}/h={h:%Y-%m-%d %H}",
            "r=__HIVE_DEFAULT_PARTITION__/h=2025-02-28 23",
            {"r": None, "h": datetime(2025, 2, 28, 23)},
        ),
        ("a.b", "axb", None),
    ],
)
def test_what_fits(pattern, path, values):
    assert Pattern.of(pattern).values(path) == values


@pytest.mark.parametrize(
    "pattern", ["", "/a", "a/", "../a", "a/../b", "a**b", "{}", "{a}/{a}", "{a", "a}", "{d:%H}", "{d:%Q %Y}"]
)
def test_what_cannot_be_read_is_refused(pattern):
    with pytest.raises(ConfigError):
        Pattern.of(pattern)


@given(st.text(min_size=1).filter(lambda text: "/" not in text and text not in {".", ".."}))
def test_any_name_can_be_meant(name):
    pattern = Pattern.of(literal(name))
    assert pattern.single
    assert pattern.path == name
    assert pattern.values(name) == {}


parts = st.sampled_from(["**", "*", "a", "b*", "?", "[ab]"])
names = st.lists(st.sampled_from(["a", "b", "ab", "c", ".a"]), min_size=1, max_size=5)


@given(st.lists(parts, min_size=1, max_size=5), names)
def test_a_walk_enters_every_folder_that_can_hold_what_fits(pattern, path):
    """Whatever fits as a whole path is reached by entering folder after folder."""
    compiled = Pattern.of("/".join(pattern))
    base = compiled.base.split("/") if compiled.base else []
    if compiled.values("/".join(path)) is None or path[: len(base)] != base:
        return
    steps = compiled.begin()
    for folder in path[len(base) : -1]:
        steps = compiled.enter(folder, steps)
        assert steps
