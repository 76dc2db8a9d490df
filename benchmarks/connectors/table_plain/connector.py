"""The benchmark's table as most connectors read one: SQLAlchemy, one upsert a row, a checkpoint now and then. Knows no Headwater.

The SDK stores a float in 32 bits, so each goes as its exact text.
"""

from typing import Any

import sqlalchemy as sa
from fivetran_connector_sdk import Connector
from fivetran_connector_sdk import Operations as op

ROWS = 10_000


def schema(configuration: dict[str, str]) -> list[dict[str, Any]]:
    """One table with its key; columns are inferred."""
    return [{"table": "orders", "primary_key": ["id"]}]


def update(configuration: dict[str, str], state: dict[str, Any]) -> None:
    """Read what lies behind the last key that was saved."""
    engine = sa.create_engine(configuration["url"].replace("postgresql:", "postgresql+psycopg:"))
    table = sa.Table(configuration["table"], sa.MetaData(), autoload_with=engine)
    query = sa.select(table).where(table.c.id > state.get("id", 0)).order_by(table.c.id)
    with engine.connect().execution_options(yield_per=ROWS) as connection:
        for rows in connection.execute(query).mappings().partitions():
            for row in rows:
                exact = {name: repr(value) if isinstance(value, float) else value for name, value in row.items()}
                op.upsert(table="orders", data=exact)
            op.checkpoint(state={"id": rows[-1]["id"]})


connector = Connector(update=update, schema=schema)
