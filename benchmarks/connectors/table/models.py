"""The table; its columns are those of the source."""

from headwater_runtime import Table

ORDERS = Table("orders", key="id")
