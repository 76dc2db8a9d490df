"""The connectors of databases and files against real servers: what was asked of each, and what the laws cannot know of."""

import threading
from datetime import timedelta

import pytest

from headwater import catalog
from headwater.engine import DuckDbDestination, load, run
from headwater.simulate import Conditions, Event, Fault, FaultPlan, load_simulator, postgres, serve

from .served import synced, vendor

NAMES = ["postgres_tables", "s3_files"]
DAY = 86_400.0
SILENT = FaultPlan.once(Fault("timeout"), 3)


@pytest.mark.parametrize("name", NAMES)
def test_it_lands_what_there_is_and_then_what_is_new_changed_and_gone(name):
    with vendor(name) as (served, landing):
        first = synced(landing)
        assert served.untruth(landing.snapshot()) == ""
        served.grow(9)
        assert served.edit()
        assert served.delete()
        second = synced(landing, first.result.state)
        assert served.untruth(landing.snapshot()) == ""
        assert second.result.operations["deletes"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_credential_is_said_to_be_one(name):
    with vendor(name, 1) as (served, landing):
        (setting,) = served.rig.simulator.secret_settings
        sync = landing.sync(settings={setting: "wrong"})
        assert "ConfigError" in sync.trouble
        assert "wrong" not in sync.told().replace("is wrong", "")


# PostgreSQL -----------------------------------------------------------------------------------------------------------


def test_the_server_restarts_in_the_middle_of_a_sync():
    with vendor("postgres_tables") as (served, landing):
        plain = synced(landing)
        at = len(plain.exchanges) * 2 // 3
    with vendor("postgres_tables") as (served, landing):
        restart = Event(at, lambda _: postgres().restart())
        sync = synced(landing, conditions=Conditions(events=(restart,)))
        assert served.untruth(landing.snapshot()) == ""
        assert any("trying again" in line for line in sync.lines)


def test_what_an_open_transaction_wrote_comes_when_it_is_committed():
    """A row that is dated before the mark, and shows after it. The clocks are real here: the database's says what is open."""
    simulator = load_simulator(catalog.simulator("postgres_tables"))
    connector = load(catalog.connectors()["postgres_tables"])
    add = "INSERT INTO shop.orders (id, updated_at) VALUES (%s, clock_timestamp())"
    with serve(simulator.simulation(records=3)) as server:
        settings = {**simulator.configuration(server.url), "lag": "0", "include": "orders"}
        destination = DuckDbDestination()

        def ids(state):
            result = run(connector, configuration=settings, state=state, destination=destination)
            assert result.status == "ok", result.error
            rows = destination.connect().execute("SELECT id FROM tester.orders ORDER BY id").fetchall()
            return result.state, [key for (key,) in rows]

        database = settings["database"]
        with postgres().connect(database, autocommit=False) as slow, postgres().connect(database) as quick:
            slow.execute(add, (101,))
            quick.execute(add, (102,))
            state, seen = ids({})
            assert seen == [1, 2, 3, 102]
            slow.commit()
        state, seen = ids(state)
        assert seen == [1, 2, 3, 101, 102]


def test_a_table_that_may_not_be_read_does_not_stop_the_others():
    with vendor("postgres_tables") as (served, landing):
        with postgres().connect(served.configuration["database"]) as owner:
            owner.execute("REVOKE SELECT ON shop.customers FROM headwater_reader")
        sync = landing.sync()
        assert "customers" in sync.trouble
        assert "permission denied" in sync.trouble
        assert set(landing.snapshot().rows) >= {"orders", "stock", "clicks", "order_totals"}


def test_only_the_tables_that_are_chosen_are_read():
    with vendor("postgres_tables", 3) as (_, landing):
        synced(landing, settings={"include": "orders, c*", "exclude": "cl*"})
        assert set(landing.snapshot().rows) == {"orders", "customers"}


def test_a_new_table_and_a_new_column_come_by_themselves():
    with vendor("postgres_tables", 6) as (served, landing):
        first = synced(landing)
        with postgres().connect(served.configuration["database"]) as owner:
            owner.execute("ALTER TABLE shop.stock ADD COLUMN shelf text DEFAULT 'b4'")
            owner.execute('CREATE TABLE shop."Odd Name" (id int PRIMARY KEY, "select" text)')
            owner.execute("""INSERT INTO shop."Odd Name" VALUES (1, 'x')""")
            owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA shop TO headwater_reader")
        synced(landing, first.result.state)
        rows = landing.snapshot().rows
        assert {row["shelf"] for row in rows["stock"]} == {"b4"}
        assert [row["select"] for row in rows["odd_name"]] == ["x"]


# Files ----------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_silent_is_not_waited_for_any_longer_than_told():
    simulator, connector = load_simulator(catalog.simulator("s3_files")), load(catalog.connectors()["s3_files"])
    with serve(simulator.simulation(records=4), hold=60, conditions=Conditions(SILENT)) as server:
        settings = {**simulator.configuration(server.url), "timeout": "1"}
        result = run(connector, configuration=settings, state={}, destination=DuckDbDestination())
        assert result.status == "ok", result.error
        assert [one.fault for one in server.log].count("timeout") == 1


def test_files_that_are_replaced_while_they_are_read_are_read_again():
    with vendor("s3_files") as (served, landing):
        plain = synced(landing)

    def replace_all(simulation):
        for population in simulation.populations.values():
            for index in range(len(population)):
                population.edit(index)

    for at in range(2, len(plain.exchanges), 5):
        with vendor("s3_files") as (served, landing):
            served.wait(DAY)
            first = synced(landing, conditions=Conditions(events=(Event(at, replace_all),)), settings={"parallel": "1"})
            served.wait(DAY)
            synced(landing, first.result.state)
            assert served.untruth(landing.snapshot()) == "", f"replaced at request {at}"


def test_a_file_that_was_written_a_moment_ago_waits():
    with vendor("s3_files") as (served, landing):
        first = synced(landing)
        served.wait(DAY)
        served.simulation.populations["orders"].grow(1)
        second = synced(landing, first.result.state)
        assert second.result.operations["upserts"] == 0
        served.wait(timedelta(minutes=2).total_seconds())
        synced(landing, second.result.state)
        assert served.untruth(landing.snapshot()) == ""


def test_a_set_without_a_file_is_an_error_unless_it_is_accepted():
    with vendor("s3_files", 0) as (_, landing):
        sync = landing.sync(settings={"may_be_empty": "false"})
        assert "SourceError" in sync.trouble
        assert "orders" in sync.trouble


def test_many_files_that_vanish_at_once_are_not_believed():
    with vendor("s3_files") as (served, landing):
        first = synced(landing)
        before = len(landing.snapshot().rows["orders"])
        for index in range(8):
            served.simulation.populations["orders"].delete(index)
        sync = landing.sync(state=first.result.state)
        assert "SourceError" in sync.trouble
        assert len(landing.snapshot().rows["orders"]) == before


def test_two_readers_of_one_server_do_not_disturb_each_other():
    simulator, connector = load_simulator(catalog.simulator("s3_files")), catalog.connectors()["s3_files"]
    with serve(simulator.simulation(records=3)) as one, serve(simulator.simulation(records=5)) as other:
        counts = []
        for server in (one, other):
            destination = DuckDbDestination()
            settings = simulator.configuration(server.url)
            assert run(load(connector), configuration=settings, state={}, destination=destination).status == "ok"
            counts += destination.connect().execute("SELECT count(DISTINCT _file) FROM tester.orders").fetchone()
    assert counts == [3, 5]
    assert threading.active_count() < 50
