"""SQL databases as sources: tables, views and statements, read by key in one snapshot, in Arrow batches."""

from headwater_runtime.sql.database import Database
from headwater_runtime.sql.in_ranges import InRanges
from headwater_runtime.sql.relation import Relation
from headwater_runtime.sql.rows import Rows, Since
from headwater_runtime.sql.tunnel import Tunnel

__all__ = ["Database", "InRanges", "Relation", "Rows", "Since", "Tunnel"]
