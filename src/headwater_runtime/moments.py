"""Moments: cut down to a unit, written into the state, and found in records. All are aware, in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import InvalidOperation
from typing import Any

from headwater_runtime.batch import Batch
from headwater_runtime.errors import ConfigError, ContractError, require
from headwater_runtime.pages import Page
from headwater_runtime.records import MISSING, lookup
from headwater_runtime.times import iso, zone_named
from headwater_runtime.values import sdk_value

__all__ = ["NONE", "Stamp", "declared", "floored", "read", "written"]

NONE = timedelta(0)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ZONELESS = re.compile(r"\s*\d{4}-\d\d-\d\d([T ][\d:.,]*)?\s*")  # ISO 8601 that does not tell its zone


def floored(moment: datetime, unit: timedelta) -> datetime:
    """Return the beginning of the `unit` that `moment` lies in, counted from 1970 in UTC; without a unit, `moment`."""
    return EPOCH + (moment - EPOCH) // unit * unit if unit else moment


def written(moment: datetime) -> str:
    """Return `moment` for the state: as short as it can be."""
    text = moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
    return text.removesuffix("T00:00:00") if text.endswith("T00:00:00") else text + "Z"


def read(moment: str | date) -> datetime:
    """Return the moment of a declaration or of the state. A date is its first moment; without a zone it is in UTC."""
    if isinstance(moment, str):
        moment = iso(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=timezone.utc)
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def declared(start: str | date) -> datetime:
    """Return the first moment a declaration names. Raises ConfigError for a text that is no date or time."""
    try:
        return read(start)
    except ValueError as error:
        hint = "give it as '2025-01-31', or a date, in sync.py"
        raise ConfigError(f"start={start!r} is no date", hint=hint) from error


@dataclass(frozen=True)
class Stamp:
    """Where each record tells when it was changed: a dotted path, and how the values there are read.

    Without `format` (strftime's) they are ISO 8601, or seconds or milliseconds since 1970. `zone` is that of values which
    tell none. A record where it is absent, null or empty has no stamp.
    """

    field: str
    format: str = ""
    zone: str = "UTC"

    def __post_init__(self) -> None:
        require(self.field, "a cursor by time needs the field that holds it", hint="name it in sync.py: Watermark('…')")
        _ = self._zone

    @property
    def _zone(self) -> tzinfo:
        return zone_named(self.zone, f"field '{self.field}'")

    @property
    def name(self) -> str:
        """What gives a remembered moment its meaning."""
        return " ".join(filter(None, (self.field, self.format, "" if self.zone == "UTC" else self.zone)))

    def check(self, page: Page) -> None:
        """Raise ContractError if no record of the page has the field at all: it was renamed or is not sent."""
        if isinstance(page.records, Batch):
            there = self.field in page.records.names
        else:
            there = not page.records or any(lookup(record, self.field) is not MISSING for record in page.records)
        if not there:
            what = f"no record of the first page has a '{self.field}', which the cursor goes by"
            hint = f"the records hold {', '.join(sorted(map(str, page.records[0]))[:10])}: name one of them in sync.py"
            raise ContractError(what, where=page.where, hint=hint)

    def raw(self, page: Page) -> list[Any]:
        """Return the stamps of the page's records as they came, in their order."""
        if isinstance(page.records, Batch):
            found: Iterable[Any] = page.records.column(self.field) or ()
        elif "." in self.field or "?" in self.field:
            found = (lookup(record, self.field) for record in page.records)
        else:
            found = [record.get(self.field) for record in page.records]
        return [value for value in found if value is not None and value is not MISSING and value != ""]

    def highest(self, page: Page) -> datetime | None:
        """Return the latest stamp of the page, or one of the others, quickly: never one that no record has.

        Texts are compared as texts, which may be wrong by what follows the seconds, and where zones are mixed. A mark set
        too low is read again; nothing is lost.
        """
        if isinstance(page.records, Batch) and not self.format and (ends := page.records.ends(self.field)):
            return self.moment(ends[1], page.where)
        values = self.raw(page)
        if not values:
            return None
        if not self.format:
            try:
                return self.moment(max(values), page.where)
            except TypeError:
                pass  # texts and numbers mixed: one by one
        return max(self.moments(values, page.where))

    def comparable(self, values: Sequence[Any]) -> bool:
        """Whether the values, as they came, sort like their times: numbers, or texts of one form, in UTC."""
        if self.format:
            return False
        forms = {(len(v), v[10:11], v[-1:]) if isinstance(v, str) else type(v) for v in values}
        form = forms.pop() if len(forms) == 1 else None
        return form in {int, float} or (isinstance(form, tuple) and form[2] == "Z")

    def moments(self, values: Sequence[Any], where: str) -> list[datetime]:
        """Return each of `values` as a moment. Raises ContractError for one that none of the formats fits."""
        return [self.moment(value, where) for value in values]

    def moment(self, value: Any, where: str) -> datetime:
        """Return one value as a moment."""
        try:
            if self.format:
                made = datetime.strptime(str(value), self.format)  # noqa: DTZ007  (its zone is seen to below)
                zoned = made.tzinfo is not None
            else:
                made = sdk_value(value, "UTC_DATETIME")
                if isinstance(value, datetime):
                    made, zoned = value, value.tzinfo is not None
                else:
                    zoned = not (isinstance(value, str) and ZONELESS.fullmatch(value))
            # Of an hour that the clocks run twice the first is taken: a mark too early is read again.
            return (made if zoned else made.replace(tzinfo=self._zone)).astimezone(timezone.utc)
        except (TypeError, ValueError, OverflowError, InvalidOperation):
            what = f"'{self.field}' of a record is no moment: {str(value)[:30]!r}"
            hint = "give the cursor in sync.py the format: format='%d.%m.%Y'"
            raise ContractError(what, where=where, hint=hint) from None
