"""One account: its visits, the leads that follow from them, and what a date range or a feed selects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Any

from headwater.simulate import Ordered, Population, Record, Remembered, Timeline

from .lineage import lead_of, leads_after, visits_of
from .records import LOCATIONS, lead, lead_id, location, location_of, visit

__all__ = ["FEEDS", "LEAD_CAP", "Account", "Shown"]

LEAD_CAP = 10_000  # one leads query yields no more, and does not say so
FEEDS = {"feed-1": "All returning", "feed-2": "Große Firmen", "feed-3": "Empty feed"}


Shown = tuple[str, str | None]  # a record as JSON, and the id of its location


class Account:
    """Visits are stored nowhere but in their number; leads, locations and every selection follow from it."""

    def __init__(self, identifier: str, name: str, visits: int, seed: int, options: Mapping[str, Any]) -> None:
        self.id = identifier
        self.name = name
        self._options = options
        self._began_with = visits
        self.timeline = Timeline(visits, ties=3)
        self.visits = Population(self._visit, visits, seed=seed, timeline=self.timeline)
        self.leads = Population(self._lead, lambda: leads_after(len(self.visits)), seed=seed)
        self.visit_texts = self._texts(self.visits)
        self.lead_texts = self._texts(self.leads)
        self._leads_between = lru_cache(maxsize=8)(self._find_leads)

    def visits_between(self, first: date, last: date) -> Sequence[int]:
        """Return the visits of the days `first` … `last`."""
        spans = self.timeline.between(*_moments(first, last))
        settled = sum(len(run) for run in spans.runs if run.stop <= self._began_with)
        return Ordered(spans, self._options["order"], settled)

    def leads_between(self, first: date, last: date, feed: str | None = None) -> Sequence[int]:
        """Return the leads that visited on the days `first` … `last`, no more than the cap."""
        found, settled = self._leads_between(first, last, feed, self.visits.revision)
        return Ordered(found, self._options["order"], settled)

    def visits_of(self, lead_index: int, first: date, last: date) -> Sequence[int]:
        """Return the visits of one lead on the days `first` … `last`."""
        start, stop = _moments(first, last)
        return [one for one in visits_of(lead_index, len(self.visits)) if start <= self.timeline.at(one) < stop]

    def locations(self) -> Iterator[Record]:
        """Yield each location that any visit or lead of now refers to."""
        missing = {one["id"]: one for one in map(location, range(LOCATIONS))}
        for population in (self.visits, self.leads):
            for record in population.records():
                if found := missing.pop(location_of(record) or "", None):
                    yield found
                if not missing:
                    return

    def _texts(self, population: Population) -> Remembered[Shown]:
        def shown(index: int) -> Shown:
            record = population.record(index)
            return json.dumps(record, ensure_ascii=False, separators=(",", ":")), location_of(record)

        return Remembered(shown, lambda: (self.visits.revision, self.leads.revision))

    def _find_leads(self, first: date, last: date, feed: str | None, _revision: object) -> tuple[list[int], int]:
        found: dict[int, None] = {}
        settled = 0
        for one in self.timeline.between(*_moments(first, last)):
            if len(found) == LEAD_CAP:
                break
            if _in_feed(feed, lead_of(one)):
                found.setdefault(lead_of(one))
            if one < self._began_with:
                settled = len(found)
        return list(found), settled

    def _visit(self, seed: int, index: int, version: int) -> Record:
        record = visit(seed, index, version, self.timeline.at(index), lead_id(lead_of(index)))
        if _every(self._options["broken"], index):
            return {"id": record["id"], "type": "visits"}  # no attributes, no location: nothing to land
        if _every(self._options["lacking"], index):
            for name in ("visit_route", "keyword", "page_depth"):
                del record["attributes"][name]
        return record

    def _lead(self, seed: int, index: int, version: int) -> Record:
        moments = [self.timeline.at(one) for one in visits_of(index, len(self.visits))]
        record = lead(seed, index, version, moments, len(moments))
        if _every(self._options["lacking"], index):
            for name in ("industry", "revenue"):
                del record["attributes"][name]
        return record


def _every(step: int, index: int) -> bool:
    return bool(step) and index % step == step - 1


def _in_feed(feed: str | None, lead_index: int) -> bool:
    return feed is None or (feed != "feed-3" and lead_index % (2 if feed == "feed-1" else 5) == 0)


def _moments(first: date, last: date) -> tuple[datetime, datetime]:
    start, stop = (datetime.combine(day, time(), timezone.utc) for day in (first, last))
    return start, stop + timedelta(days=1)
