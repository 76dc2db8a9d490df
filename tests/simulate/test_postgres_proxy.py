"""A real PostgreSQL behind the proxy: what a client sends is counted and logged, and goes wrong as a plan says."""

import threading
from pathlib import Path

import psycopg
import pytest

from headwater.simulate import POSTGRES_FAULTS, Conditions, Event, Fault, FaultPlan, load_simulator, postgres, serve
from headwater.simulate.postgres_wire import asks, masked
from headwater_runtime.clock import FakeClock

SIMULATORS = Path(__file__).parents[2] / "simulators"
COPY = "COPY (SELECT * FROM shop.customers ORDER BY id) TO STDOUT"


@pytest.fixture(scope="module")
def simulator():
    return load_simulator(SIMULATORS / "postgres_tables")


@pytest.fixture(scope="module")
def shop(simulator):
    simulation = simulator.simulation(records=40)
    with serve(simulation, clock=FakeClock(), hold=0.2) as server:
        yield simulation, server


@pytest.fixture
def server(shop):
    shop[1].reset()
    return shop[1]


@pytest.fixture
def connect(simulator, server):
    """Return a function that connects as the reader, by way of the proxy."""

    def connected(**changes):
        told = simulator.configuration(server.url)
        asked = {name: told[name] for name in ("host", "port", "user", "password")} | {"dbname": told["database"]}
        return psycopg.connect(**{**asked, **changes}, autocommit=True, connect_timeout=10)

    return connected


def strike(server, fault, nth=2):
    server.reset(Conditions(FaultPlan.once(fault, nth)))


def test_each_thing_that_is_asked_for_is_a_request(server, connect):
    with connect() as line:
        assert len(line.execute("SELECT * FROM shop.orders WHERE id > %s", (3,)).fetchall()) == 37
        with line.transaction(), line.cursor("held") as cursor:
            cursor.itersize = 15
            assert len(list(cursor.execute("SELECT id FROM shop.orders"))) == 40
        with line.cursor() as cursor, cursor.copy(COPY) as copy:
            assert len(list(copy.rows())) == 20
    told = [(one.method, one.records, one.status) for one in server.log]
    assert told == [
        ("CONNECT", None, 200),
        ("SELECT", 37, 200),
        ("BEGIN", None, 200),
        ("DECLARE", None, 200),
        ("FETCH", 15, 200),
        ("FETCH", 15, 200),
        ("FETCH", 10, 200),
        ("COPY", 20, 200),
    ]


def test_the_log_holds_statements_without_their_values(server, connect):
    with connect() as line:
        line.execute("SELECT 'a secret' || %s, 42", ("another",))
    assert server.log[-1].path == "SELECT ? || ?, ?"
    assert "secret" not in str(server.log)
    assert "password" not in str(server.log).lower()


def test_a_prepared_statement_is_known_by_its_text(server, connect):
    with connect() as line:
        for _ in range(3):
            line.execute("SELECT name FROM shop.customers WHERE id = %s", (1,), prepare=True)
    assert {one.path for one in server.log[1:]} == {"SELECT name FROM shop.customers WHERE id = ?"}


def test_an_error_of_the_servers_own_passes_and_is_logged_as_one(server, connect):
    with connect() as line, pytest.raises(psycopg.errors.UndefinedTable):
        line.execute("SELECT * FROM shop.nothing")
    assert server.log[-1].status == 500


def test_a_wrong_password_is_refused_by_the_server_itself(connect):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(password="wrong")


@pytest.mark.parametrize("fault", POSTGRES_FAULTS, ids=str)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_request_that_is_struck_fails_and_is_well_the_next_time(server, connect, fault, nth):
    def read():
        with connect() as line:
            line.execute("SELECT 1")
            with line.cursor() as cursor, cursor.copy(COPY) as copy:
                return len(list(copy.rows()))

    strike(server, fault, nth)
    with pytest.raises(psycopg.OperationalError):
        read()
    assert [one.fault for one in server.log if one.fault] == [str(fault)]
    server.reset()
    assert read() == 20


@pytest.mark.parametrize(
    ("fault", "error", "after"),
    [
        (Fault("restart"), psycopg.errors.AdminShutdown, "starting up"),
        (Fault("refuse"), psycopg.OperationalError, "too many clients"),
        (Fault("error", code="57P01"), psycopg.errors.AdminShutdown, ""),
        (Fault("error", code="40001"), psycopg.errors.SerializationFailure, ""),
    ],
    ids=str,
)
def test_what_the_client_sees_and_what_comes_of_the_next_connections(server, connect, fault, error, after):
    strike(server, fault)
    with connect() as line, pytest.raises(error):
        line.execute("SELECT 1")
    for _ in range(2 if after else 0):
        with pytest.raises(psycopg.OperationalError, match=after):
            connect()
    connect().close()


def test_a_restart_ends_every_connection(server, connect):
    strike(server, Fault("restart"), 3)
    with connect() as one, connect() as other:
        for line in (one, other):
            with pytest.raises(psycopg.OperationalError):
                line.execute("SELECT 1")


def test_an_error_in_a_transaction_leaves_one_that_can_be_rolled_back(server, connect):
    strike(server, Fault("error", code="40001"), 4)
    with connect() as line:
        line.autocommit = False
        line.execute("SELECT 1")
        with pytest.raises(psycopg.errors.SerializationFailure):
            line.execute("SELECT 2")
        assert line.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        line.rollback()
        assert line.execute("SELECT 3").fetchone() == (3,)


def test_a_server_that_leaks_quotes_the_statement(server, connect):
    strike(server, Fault("echo"))
    with connect() as line, pytest.raises(psycopg.errors.SyntaxError, match="SELECT 12345"):
        line.execute("SELECT 12345")


def test_a_cut_answer_is_cut_among_its_rows(server, connect):
    strike(server, Fault("cut_body"))
    rows = []
    with connect() as line, pytest.raises(psycopg.OperationalError), line.cursor() as cursor, cursor.copy(COPY) as copy:
        rows += copy.rows()
    assert len(rows) < 20


def test_what_ends_or_forgets_is_not_a_request(server, connect):
    with connect() as line:
        line.autocommit = False
        line.execute("SELECT 1")
        line.rollback()
        line.execute("SELECT 1")
        line.commit()
    assert [one.method for one in server.log] == ["CONNECT", "BEGIN", "SELECT", "BEGIN", "SELECT"]


def test_many_connections_at_a_time(server, connect):
    found = []

    def read():
        with connect() as line:
            found.append(len(line.execute("SELECT * FROM shop.orders").fetchall()))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [40] * 8
    assert len(server.log) == 16


def test_closing_ends_a_connection_that_waits(simulator):
    server = serve(simulator.simulation(records=1), hold=60)
    told = simulator.configuration(server.url)
    asked = {name: told[name] for name in ("host", "port", "user", "password")}
    with psycopg.connect(**asked, dbname=told["database"], autocommit=True) as line:
        server.reset(Conditions(FaultPlan.once(Fault("timeout"), 1)))
        closing = threading.Timer(0.2, server.close)
        closing.start()
        with pytest.raises(psycopg.OperationalError):
            line.execute("SELECT 1")
    closing.join()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**asked, dbname=told["database"])


def test_the_database_follows_the_populations_also_while_it_is_read(shop, server, connect):
    simulation, _ = shop
    event = Event(3, lambda simulation: simulation.populations["orders"].grow(2))
    server.reset(Conditions(events=(event,)))
    with connect() as line:
        counts = [line.execute("SELECT count(*) FROM shop.orders").fetchone()[0] for _ in range(2)]
        simulation.populations["stock"].delete(3)
        simulation.populations["customers"].delete(3)
        simulation.populations["customers"].edit(4)
        assert line.execute("SELECT count(*) FROM shop.stock").fetchone() == (19,)
        assert line.execute("SELECT id FROM shop.customers WHERE gone").fetchall() == [(4,)]
        names = ("id", "name", "email", "vip", "updated_at", "gone")
        held = {row[0]: dict(zip(names, row, strict=True)) for row in line.execute("SELECT * FROM shop.customers")}
    assert counts == [40, 42]
    assert {row["id"]: row for row in simulation.truth["customers"]()} == {
        key: row for key, row in held.items() if not row["gone"]
    }


@pytest.mark.timeout(120)
def test_the_server_itself_can_be_restarted(simulator):
    with serve(simulator.simulation(records=2)) as server:
        told = simulator.configuration(server.url)
        asked = {name: told[name] for name in ("host", "port", "user", "password")} | {"dbname": told["database"]}
        with psycopg.connect(**asked, autocommit=True) as line:
            postgres().restart()
            with pytest.raises(psycopg.OperationalError):
                line.execute("SELECT 1")
        with psycopg.connect(**asked) as line:
            assert line.execute("SELECT count(*) FROM shop.orders").fetchone() == (2,)


def test_every_simulation_has_a_database_of_its_own_that_goes_with_its_server(simulator):
    with serve(simulator.simulation(records=1)) as one, serve(simulator.simulation(records=2)) as other:
        assert one.url.rpartition("/")[2] != other.url.rpartition("/")[2]
        gone = one.url.rpartition("/")[2]
    with postgres().connect() as line:
        assert line.execute("SELECT count(*) FROM pg_database WHERE datname = %s", (gone,)).fetchone() == (0,)


@pytest.mark.parametrize("statement", ["ROLLBACK", " commit", "CLOSE x", "", "DEALLOCATE ALL"])
def test_a_statement_that_asks_for_nothing(statement):
    assert not asks(statement)


def test_a_statement_is_shown_in_one_line_without_values():
    assert masked("SELECT *\n  FROM t1 WHERE a = 'it''s' AND b > 10.5 AND c = $1") == (
        "SELECT * FROM t1 WHERE a = ? AND b > ? AND c = ?"
    )
