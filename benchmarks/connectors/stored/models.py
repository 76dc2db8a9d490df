"""The table; its columns are those of the files."""

from headwater_runtime import Table

ORDERS = Table("orders", key="id")
