"""Tables, and the rules by which nested records become their rows."""

from headwater_runtime import Each, Flat, Table

ORDERS = Table("orders", key="id")
LINES = Table("order_lines", key="id")
TAXES = Table("line_taxes", key="id")
CUSTOMERS = Table("customers", key="id")

order = Flat(leave_out=("lines",))
lines = Each("lines", {"order_id": "id"}, Flat(leave_out=("taxes",)))
taxes = Each("lines.taxes", {"order_id": "id", "line_id": "lines.id"})
