"""Whatever a source calls its things, the written modules compile, hold it as data, and run nothing of it."""

import ast
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.generate import render
from headwater.generate.code import literal, prose
from headwater.generate.markdown import code, text
from headwater.model import AuthSpec, EndpointSpec, PagingSpec, SourceSpec, TableSpec

ATTACKS = [
    '"""',
    "'''",
    '"); import os; os.abort(); ("',
    "\\",
    '\\"',
    "\n    raise SystemExit\n",
    "{{ 7 * 7 }}",
    "{% include 'x' %}",
    "`rm -rf /`",
    "| a | b |",
    "](http://evil)<script>",
    "\u2028\u202e\x00\ud800",
    "__import__('os')",
    "'\"",
    "# noqa\r\n",
    "f'{1}'",
]
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(max_size=20),
    st.builds(str.__add__, st.sampled_from(ATTACKS), st.text(max_size=5)),
)
names = st.from_regex(re.compile(r"[_a-z][_a-z0-9]{0,60}", re.ASCII), fullmatch=True)
values = st.dictionaries(hostile, hostile, max_size=3)
pagings = st.builds(
    PagingSpec,
    kind=st.sampled_from(["single", "page_number", "offset", "next_token", "next_link", "keyset"]),
    param=hostile,
    path=hostile,
    more=hostile,
    start=st.integers(0, 1),
    total=hostile,
    total_pages=hostile,
    size_param=hostile,
    size=st.integers(0, 500),
    size_max=st.integers(0, 500),
    source=st.sampled_from(["body", "header", "last"]),
)
endpoints = st.builds(
    EndpointSpec,
    path=hostile,
    table=st.builds(TableSpec, names, st.lists(hostile, max_size=3).map(tuple), values),
    records=hostile,
    paging=pagings,
    params=values,
    secret_params=st.dictionaries(hostile, st.sampled_from(["api_key", "token"]), max_size=2),
    token_is_durable=st.booleans(),
    date_field=hostile,
    fields=values,
    types=values,
    records_seen=st.integers(0, 9),
    complete=st.booleans(),
)
sources = st.builds(
    SourceSpec,
    name=names,
    title=hostile,
    base_url=hostile,
    auth=st.one_of(
        st.just(AuthSpec()),
        st.builds(
            AuthSpec,
            st.sampled_from(["header", "bearer", "basic"]),
            hostile,
            st.just("api_key"),
            hostile,
            st.sampled_from(["token", "password"]),
        ),
    ),
    headers=values,
    secret_headers=st.dictionaries(hostile, st.sampled_from(["api_key", "token"]), max_size=2),
    endpoints=st.lists(endpoints, min_size=1, max_size=2, unique_by=lambda one: one.table.name).map(tuple),
)

CALLS = {
    "Config", "Secret", "Url", "Int", "Client", "ApiKey", "client.pages", "PageNumber", "Offset", "NextToken", "NextLink",
    "Keyset", "Header", "Last", "Bearer", "Basic", "Table", "Stream", "Token", "FullRefresh", "Source", "Connector",
}  # fmt: skip


def literals(tree):
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sources)
def test_hostile_names_stay_data(spec):
    files = render(spec)
    trees = {name: ast.parse(content.encode()) for name, content in files.items() if name.endswith(".py")}
    own = {
        node.name for name in ("api.py", "models.py") for node in trees[name].body if isinstance(node, ast.FunctionDef)
    }
    for tree in trees.values():
        # What runs at import: imports, assignments of known calls, functions. Anything else came from a name.
        for node in tree.body:
            assert isinstance(node, (ast.ImportFrom, ast.Assign, ast.FunctionDef)) or (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            )
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert called <= CALLS | own
        assert not any(isinstance(node, (ast.Lambda, ast.JoinedStr, ast.Import)) for node in ast.walk(tree))
    assert all(content.encode() for name, content in files.items() if name != "requirements.txt")
    held = literals(trees["api.py"])
    assert spec.base_url in held
    for endpoint in spec.endpoints:
        assert endpoint.path in held
        assert {*endpoint.params, *endpoint.params.values()} <= held
        assert set(endpoint.table.key) <= literals(trees["models.py"])
    assert json.loads(files["configuration.json"])["base_url"] == spec.base_url


@given(hostile)
def test_a_literal_gives_the_value_back(value):
    assert ast.literal_eval(literal(value)) == value
    assert literal(value).isprintable()


@given(hostile)
def test_prose_fits_any_docstring(value):
    assert not set(prose(value)) & set("\"'\\\n\r{}`<>|")


@given(hostile)
def test_a_code_span_cannot_be_left(value):
    span = code(value)
    fence = re.match(r"`+", span).group()
    assert span.endswith(fence)
    assert not re.search(rf"(?<!`){fence}(?!`)", span[len(fence) : -len(fence)])
    assert span.isprintable()
    assert not re.search(r"(?<!\\)\|", span)


@pytest.mark.parametrize("value", ["<script>", "[a](b)", "a | b", "*x*", "# x", "`x`"])
def test_text_is_not_markup(value):
    assert not re.search(r"(?<!\\)[<\[\]|*#`>]", text(value))
