"""Configuration: every problem in one message, no secret in any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import Choice, Config, ConfigError, Int, Secret, Text, Toggle, Url

CONFIG = Config(
    api_key=Secret("API key"),
    base_url=Url("Address", default="https://api.test"),
    page_size=Int("Page size", default=100, low=1, high=200),
    region=Choice("Region", options=("eu", "us"), default="eu"),
    deep=Toggle("Read deep"),
    name=Text("Name", default="x"),
)


def test_defaults_fill_what_is_left_out_or_empty():
    settings = CONFIG.parse({"api_key": " k1234 ", "page_size": "", "deep": "true"})
    assert (settings.api_key, settings.base_url, settings.page_size) == ("k1234", "https://api.test", 100)
    assert (settings.region, settings.deep, settings.name) == ("eu", True, "x")


def test_every_problem_is_in_one_message_without_the_secret():
    with pytest.raises(ConfigError) as caught:
        CONFIG.parse(
            {"api_key": "bad\nkey-9876", "base_url": "ftp://x", "page_size": "1000", "region": "moon", "depth": "1"}
        )
    message = str(caught.value)
    assert "5 problems" in message
    for name in (
        "api_key holds line breaks",
        "base_url is not",
        "page_size is 1000, outside 1 to 200",
        "region is 'moon'",
    ):
        assert name in message
    assert "depth is not a setting of this connector; did you mean deep?" in message
    assert "key-9876" not in message


def test_a_setting_of_an_earlier_version_is_no_problem_but_a_misspelling_is():
    configuration = {"api_key": "k1234", "old_flag": "1"}
    assert CONFIG.parse(configuration).api_key == "k1234"
    assert CONFIG.unknown(configuration) == ("old_flag",)
    with pytest.raises(ConfigError, match="pagesize is not a setting.*did you mean page_size"):
        CONFIG.parse({"api_key": "k1234", "pagesize": "7"})


@pytest.mark.parametrize("text", ["0", "1000", "-1", "ten", "1.5", "1e2"])
def test_a_number_out_of_range_or_not_a_number_is_refused(text):
    with pytest.raises(ConfigError, match="page_size"):
        CONFIG.parse({"api_key": "k", "page_size": text})


@pytest.mark.parametrize("value", [1, None, True, ["x"], {"a": 1}])
def test_a_secret_that_is_not_text_is_missing_or_refused(value):
    with pytest.raises(ConfigError, match="api_key (is missing|must be text)"):
        CONFIG.parse({"api_key": value})


@pytest.mark.parametrize(
    "text", ["api.test", "https://", "https://a b", "https://u:p@h", "http://h?x=1", "http://h:port", "x"]
)
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match="base_url"):
        CONFIG.parse({"api_key": "k", "base_url": text})


def test_an_undeclared_setting_is_a_programming_error_that_names_what_there_is():
    with pytest.raises(AttributeError, match="no setting 'key'.*api_key"):
        _ = CONFIG.parse({"api_key": "k"}).key


def test_one_declaration_gives_template_readme_and_form():
    assert CONFIG.template() == {
        "api_key": "",
        "base_url": "https://api.test",
        "page_size": "100",
        "region": "eu",
        "deep": "false",
        "name": "x",
    }
    assert "| `page_size` | Page size: a whole number from 1 to 200 | `100` |" in CONFIG.readme()

    def probe(configuration):
        return None

    form = CONFIG.form(probe).to_response()
    assert [(field.name, field.required) for field in form.fields][:2] == [("api_key", True), ("base_url", False)]
    assert form.fields[0].text_field == 1, "a secret is a password field"
    assert form.fields[3].dropdown_options is not None
    assert form.fields[4].toggle
    assert [test.name for test in form.tests] == ["probe"]


def test_more_settings_than_the_platform_takes_are_refused_when_declared():
    with pytest.raises(ConfigError, match="101 settings"):
        Config(**{f"f{n}": Text("x", default="") for n in range(101)})


@given(
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())), max_size=6
    )
)
def test_any_configuration_parses_or_gives_one_config_error(configuration):
    try:
        CONFIG.parse({"api_key": "k", **configuration})
    except ConfigError as error:
        assert "problem" in error.what
