"""Settings of servers, roles and addresses that could change what is read: they do not, or it is said that they would."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from headwater_runtime import ConfigError, Retry
from headwater_runtime.clock import FakeClock
from headwater_runtime.sql import Database

from .conftest import records

ODD_ROLE = (
    "DateStyle TO 'SQL, DMY'",
    "IntervalStyle TO 'sql_standard'",
    "TimeZone TO 'Asia/Kathmandu'",
    "bytea_output TO 'escape'",
    "extra_float_digits TO '-15'",
    "standard_conforming_strings TO off",
    "default_transaction_isolation TO 'serializable'",
    "client_encoding TO 'LATIN1'",
)
ODD_MODES = "NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,EMPTY_STRING_IS_NULL"
PASSWORD = "p@s:s/w%o?r#d'\" ü\\ &="


@pytest.fixture
def odd_role(postgres):
    """Return the address of a role whose settings change how values are written."""
    postgres.execute("CREATE ROLE odd LOGIN SUPERUSER PASSWORD 'odd-1234'")
    for setting in ODD_ROLE:
        postgres.execute(f"ALTER ROLE odd SET {setting}")
    yield postgres.url.replace("owner:", "odd:", 1).replace(postgres.url.split(":")[2].split("@")[0], "odd-1234")
    postgres.execute("DROP ROLE odd")


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_settings_of_a_role_change_nothing(postgres, odd_role, fast):
    columns = "id int PRIMARY KEY, a date, b timestamp, c timestamptz, d interval, e bytea, f float8, g real, h text"
    values = r"'2024-02-03', '2024-02-03 04:05:06.7', '2024-02-03 04:05:06.7+00', '1 year 3 sec', '\x00ff5c27', 0.1, 0.1, 'ü\'"
    postgres.execute(f"CREATE TABLE t ({columns})", f"INSERT INTO t VALUES (1, {values}), (2, {values})")
    plain = records(postgres.database(fast=fast).table("t", schema=postgres.schema))
    database = Database(odd_role, fast=fast)
    assert records(database.table("t", schema=postgres.schema)) == plain
    for key in ("a", "c", "d", "e", "h"):  # and positions mean the same
        rows = database.table("t", schema=postgres.schema, key=[key, "id"], chunk=1)
        assert [record["id"] for record in records(rows, next(iter(rows.read())).position)] == [2]
    database.close()


@pytest.fixture
def odd_server(mariadb):
    """MariaDB with global settings that change what statements mean, and one that cuts their rows off."""
    before = mariadb.execute("SELECT @@GLOBAL.sql_mode")[0][0]
    reset = (
        f"SET GLOBAL sql_mode = '{before}'",
        "SET GLOBAL sql_select_limit = DEFAULT",
        "SET GLOBAL time_zone = 'SYSTEM'",
    )
    mariadb.execute(
        "CREATE TABLE t (k varchar(9), b varbinary(9), c char(5), changed timestamp NOT NULL, PRIMARY KEY (k, b))"
    )
    mariadb.execute("INSERT INTO t VALUES ('', x'', 'a', '2024-01-01'), ('', x'5c', 'a', '2024-01-01')")
    mariadb.execute("INSERT INTO t VALUES ('', x'5c27', 'a', '2024-01-01'), ('a', x'27', 'a', '2024-01-01')")
    plain = records(mariadb.table("t"))
    mariadb.execute(f"SET GLOBAL sql_mode = '{ODD_MODES}'", "SET GLOBAL sql_select_limit = 2")
    mariadb.execute("SET GLOBAL time_zone = '+05:45'")
    yield mariadb, plain
    mariadb.execute(*reset)


def test_settings_of_a_server_change_nothing_and_cut_nothing(odd_server):
    mariadb, plain = odd_server
    assert len(plain) == 4
    for snapshot in (True, False):
        rows = mariadb.database(snapshot=snapshot).table("t", schema=mariadb.schema, chunk=1)
        assert records(rows) == plain
        for index, page in enumerate(rows.read()):
            assert records(rows, page.position) == plain[index + 1 :]
    assert len(mariadb.database().tables(schema="information_schema")) > 2


def test_a_password_may_hold_any_characters(place, request):
    """Percent-quoted in an address, plain everywhere else, in UTF-8 on the wire."""
    user = "'any'@'127.0.0.1'" if place.mysql else '"any"'
    word = "IDENTIFIED BY" if place.mysql else "LOGIN PASSWORD"
    text = "'" + (PASSWORD.replace("\\", "\\\\") if place.mysql else PASSWORD).replace("'", "''") + "'"
    place.execute(f"CREATE {'USER' if place.mysql else 'ROLE'} {user} {word} {text}")
    request.addfinalizer(lambda: place.execute(f"DROP {'USER' if place.mysql else 'ROLE'} {user}"))
    scheme, _, rest = place.url.partition("://")
    where = rest.rpartition("@")[2].replace("/mysql", "/information_schema")
    database = Database(f"{scheme}://any:{quote(PASSWORD, safe='')}@{where}", retry=Retry(attempts=1), **place.options)
    assert records(database.query("SELECT 1 AS id")) == [{"id": 1}]
    assert PASSWORD not in repr(database)
    database.close()


def test_an_address_with_an_option_nobody_knows_is_refused(place):
    """Left out in silence, one that asks for encryption would leave the line plain."""
    with pytest.raises(ConfigError, match="ssl_mod"):
        records(Database(place.url + "?ssl_mod=require").query("SELECT 1 AS id"))


def test_a_name_that_cannot_be_found_is_told(place):
    clock = FakeClock()
    database = Database(place.url.replace("127.0.0.1", "nowhere.invalid"), retry=Retry(attempts=1), clock=clock)
    with pytest.raises(Exception, match="does not answer.*nowhere.invalid") as caught:
        records(database.query("SELECT 1 AS id"))
    assert "check host" in caught.value.hint
