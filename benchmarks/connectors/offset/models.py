"""The table and its row function. Columns are inferred."""

from headwater_runtime import Row, Table

CPG_RECORDS = Table("cpg_records", key="record_id")


def cpg_record(record: Row) -> Row:
    """One row a record, as it is."""
    return record
