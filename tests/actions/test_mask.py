"""Which settings are secret, what counts as their value, and where it is hidden."""

import json
import shutil

import pytest

from headwater import catalog
from headwater.actions.mask import Mask, looks_secret
from headwater.actions.watch import Silent
from headwater.engine import load


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apiKey",
        "x-api-key",
        "ACCESS_TOKEN",
        "client_secret",
        "db_pass",
        "password",
        "pwd",
        "passphrase",
        "credentials",
        "authorization",
        "auth",
        "signature",
        "private_key",
        "service_account_json",
    ],
)
def test_a_name_that_gives_a_credential_away(name):
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "base_url",
        "token_url",
        "auth_type",
        "key_column",
        "primary_key",
        "partition_key",
        "max_tokens",
        "keyword",
        "author",
        "passenger",
        "compass",
        "page_size",
        "private_key_path",
    ],
)
def test_a_name_that_does_not(name):
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("settings", "shown", "hidden"),
    [
        ({"database": "postgres://anna:s3cr%2Ft@db/x"}, "s3cr%2Ft and s3cr/t", "*** and ***"),
        ({"dsn": "Server=db;Password=s3cret;Port=1"}, "login with s3cret at db", "login with *** at db"),
        ({"hook": "https://x.test/?access_token=s3cret&page=2"}, "s3cret page=2", "*** page=2"),
        ({"account": json.dumps({"id": "anna", "private_key": "s3cret\nsecond-line"})}, "at second-line", "at ***"),
        ({"user": "anna", "pass": "abcd"}, "Basic YW5uYTphYmNk", "Basic ***"),
        ({"api_key": "abcd"}, "Basic YWJjZDo=", "Basic ***"),
        ({"api_key": "abc"}, "abc", "abc"),
        ({"use_auth": "true", "token": " "}, "true or  not", "true or  not"),
        ({"page_size": "1000"}, "1000 rows", "1000 rows"),
    ],
)
def test_what_is_hidden_of_a_text(settings, shown, hidden):
    assert Mask(settings).text(shown) == hidden


def test_a_connector_that_declares_its_settings_decides_for_those(tmp_path):
    shutil.copytree(catalog.connectors()["cpg"], tmp_path / "cpg", ignore=shutil.ignore_patterns("files"))
    api = tmp_path / "cpg" / "api.py"
    declared = 'api_key=Secret("CPG API key"),'
    api.write_text(
        api.read_text()
        .replace(declared, declared + ' sort_token=Text("Sorted by"), pin_code=Secret("PIN"),')
        .replace("Secret, Settings,", "Secret, Settings, Text,")
    )
    settings = {"api_key": "first-one", "sort_token": "second-one", "pin_code": "third-one", "apikey": "fourth-one"}
    mask = Mask(settings, load(tmp_path / "cpg"))
    assert mask.text("first-one second-one third-one fourth-one") == "*** second-one *** ***"


def test_a_value_is_masked_in_keys_texts_and_numbers_and_stays_json():
    mask = Mask({"api_key": "12345678", "page": "9"})
    value = {"12345678": [12345678, 123456789, True, None, "a 12345678 b"], "page": 9}
    assert mask.value(value) == {"***": ["***", 123456789, True, None, "a *** b"], "page": 9}
    assert mask.found_in(value) == ["api_key"]
    assert mask.found_in({"page": 9}) == []


def test_a_question_is_asked_as_it_is():
    asked = []

    class Asking(Silent):
        def confirm(self, question):
            asked.append(question)
            return True

    assert Mask({"api_key": "demo"}).watch(Asking()).confirm("Delete demo/files?")
    assert asked == ["Delete demo/files?"]


def test_an_interruption_passes_through():
    with pytest.raises(KeyboardInterrupt), Mask({"api_key": "demo"}).errors():
        raise KeyboardInterrupt
