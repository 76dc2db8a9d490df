"""Rows land the same through the engine's columns as through Fivetran's rows, whichever driver read them."""

from __future__ import annotations

from fivetran_connector_sdk import Connector

from headwater.engine import DuckDbDestination, content, differences, run
from headwater_runtime import Config, FullRefresh, Source, Stream

from .test_values import MARIADB, POSTGRES

CONFIG = Config()


def landed(place, function, **options):
    """Return what a sync leaves in a warehouse."""

    def streams(database, _):
        for found in database.tables(schema=place.schema):
            yield Stream(database.table(found.name, schema=place.schema), {found.table(): function}, FullRefresh())

    source = Source(CONFIG, lambda _: place.database(**options), streams)
    destination = DuckDbDestination()
    connector = Connector(update=source.update, schema=source.schema)
    result = run(connector, configuration={}, state={}, destination=destination)
    assert result.error is None, result.error
    return content(destination)


def copied(record):
    """Not the identity `dict`, so that rows are made."""
    return {**record}


def test_every_type_lands_the_same_as_columns_and_as_rows(place):
    cases = MARIADB if place.mysql else POSTGRES
    columns = ", ".join(f"c{index} {kind}" for index, (kind, *_) in enumerate(cases))
    values = ", ".join(
        value if place.mysql or value == "true" or "ROW" in value else f"{value}::{kind}" for kind, value, *_ in cases
    )
    nulls = ", ".join("NULL" for _ in cases)
    if not place.mysql:
        place.execute("CREATE TYPE mood AS ENUM ('ok', 'so so')", "CREATE TYPE pair AS (a int, b text)")
        place.execute("CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
    place.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    place.execute(f"INSERT INTO t VALUES (1, {values}), (2, {nulls})")
    as_columns = landed(place, dict)
    as_rows = landed(place, copied)
    assert differences(as_columns, as_rows) == []
    if not place.mysql:
        other = landed(place, dict, fast=not place.options["fast"])
        assert differences(as_columns, other) == []
