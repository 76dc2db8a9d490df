"""The tables and their row functions. Columns are inferred; ids are text, dates are moments in UTC, money keeps its digits."""

from headwater_runtime import Row, Table

MOMENT, TEXT, MONEY = "UTC_DATETIME", "STRING", {"type": "DECIMAL", "precision": 18, "scale": 4}
STAMPS = {"id": TEXT, "createDateTimeUtc": MOMENT, "modifiedDateTimeUtc": MOMENT, "customFields": "JSON"}
CONTACTS = Table("contacts", key="id", columns=STAMPS | {"mergedIntoContactId": TEXT, "originSegmentId": TEXT})
INDIVIDUALS = Table("contact_individuals", key="id", columns=STAMPS | {"contactId": TEXT})
GIFTS = Table(
    "gifts",
    key="id",
    columns=STAMPS
    | dict.fromkeys(("contactId", "contactIndividualId", "segmentId", "mediaOutletId", "grantId", "tributeId"), TEXT)
    | dict.fromkeys(("acknowledgeeIndividualId", "contactPassthroughId", "giftAskId", "contactMembershipId"), TEXT)
    | {"giftDate": MOMENT, "receiptDate": MOMENT, "amount": MONEY},
)
DESIGNATIONS = Table(
    "gift_designations",
    key="id",
    columns={"id": TEXT, "giftId": TEXT, "projectId": TEXT, "amountDesignated": MONEY},
)
ERRORS = Table("errors", key="id", columns={"at": MOMENT})


def contact(record: Row) -> Row:
    """One row a household or organisation; what is nested in it stays JSON."""
    return record


def individual(record: Row) -> Row:
    """One row a person."""
    return record


def gift(record: Row) -> Row:
    """One row a gift; its designations have a table of their own."""
    return {name: value for name, value in record.items() if name != "giftDesignations"}


def designations(record: Row) -> list[Row]:
    """One row a designation of the gift."""
    return [{**designation, "giftId": record["id"]} for designation in record["giftDesignations"]]
