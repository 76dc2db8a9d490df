"""Whatever happens at the source and to the sync, every cursor brings every record: one machine drives them all."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headwater_runtime import ConfigError, ContractError, FullRefresh, Token, TransientError
from headwater_runtime.cursor import Vanishing
from headwater_runtime.moments import floored, read
from headwater_runtime.parts import PerPart
from headwater_runtime.ranges import Windows
from headwater_runtime.sequence import Sequence
from headwater_runtime.watermark import Watermark

from .cursor_model import (
    BORN,
    DAY,
    HOUR,
    MINUTE,
    NONE,
    Case,
    Fake,
    Pass,
    after_token,
    changed,
    everything,
    happened,
    page,
    ranged,
)

FIRST = BORN - 3 * DAY
LAG = 10 * MINUTE


def windows(step, *, unit=NONE, lookback=NONE, lag=NONE, cap=0, keyed=False, exclusive=False, ahead=NONE):
    cursor = Windows(
        FIRST, step, unit=unit, lookback=lookback, lag=lag, most=cap or None, smallest=unit or HOUR, tries=2
    )

    def again(record, state):
        return record.time >= read(state["until"]) - lookback

    return Case(
        cursor,
        happened(unit, cap=cap, keyed=keyed, exclusive=exclusive),
        Fake(durable=keyed, paging="Keyset" if keyed else "PageNumber"),
        late=lookback,
        lag=lag,
        ahead=ahead,
        old=False,
        again=again,
        begin=floored(FIRST, unit),
    )


def watermark(*, unit=NONE, lookback=NONE, lag=LAG, order="none", keyed=False, ahead=NONE):
    def again(record, state):
        return "since" not in state or floored(record.changed, unit) >= floored(read(state["since"]) - lookback, unit)

    return Case(
        Watermark("changed", unit=unit, lookback=lookback, lag=lag, order=order),
        changed(unit, order, keyed=keyed),
        Fake(durable=keyed, paging="Keyset" if keyed else "NextLink"),
        lag=lag + lookback,
        ahead=ahead,
        again=again if order != "descending" else lambda *_: True,  # the last page overlaps
    )


def sequence(*, newest=True, edits=True, unit=NONE, lookback=0, lag=LAG, ahead=NONE):
    source = Fake(durable=True, paging="Keyset")

    def again(record, state):
        recent = edits and floored(record.changed, unit) >= floored(read(state["since"]), unit)
        return recent or record.id > state["until"] - lookback

    cursor = Sequence(source if newest else None, changed="changed" if edits else "", unit=unit, lookback=lookback, lag=lag)
    lanes = 3 if newest else 1
    return Case(cursor, ranged(unit), source, lag=lag, ahead=ahead, edits=edits, low=edits, again=again, lanes=lanes)


CASES = {
    "full refresh": lambda: Case(FullRefresh(), everything),
    "full refresh, mirrored": lambda: Case(FullRefresh(delete_vanished=True, at_most=1.0), everything, mirrors=True),
    "token": lambda: Case(
        Token(),
        after_token,
        Fake(durable=True, paging="NextToken"),
        edits=False,
        again=lambda *_: False,
    ),
    "watermark": watermark,
    "watermark by the day, looking back": lambda: watermark(unit=DAY, lookback=2 * HOUR, ahead=HOUR),
    "watermark with a key": lambda: watermark(keyed=True, lookback=HOUR),
    "watermark without a lag": lambda: watermark(lag=NONE),
    "watermark ascending": lambda: watermark(order="ascending", ahead=5 * MINUTE),
    "watermark descending": lambda: watermark(order="descending", lookback=HOUR),
    "windows": lambda: windows(6 * HOUR),
    "windows up to, not including": lambda: windows(5 * HOUR, exclusive=True, lag=LAG),
    "windows by the day, looking back": lambda: windows(DAY, unit=DAY, lookback=DAY, lag=LAG, ahead=HOUR),
    "windows by the hour, capped": lambda: windows(12 * HOUR, unit=HOUR, lookback=3 * HOUR, cap=12),
    "windows with a key": lambda: windows(12 * HOUR, lookback=90 * MINUTE, keyed=True, lag=LAG),
    "sequence": sequence,
    "sequence by the day": lambda: sequence(unit=DAY, ahead=HOUR),
    "sequence without edits": lambda: sequence(edits=False, lookback=2),
    "sequence without an end": lambda: sequence(newest=False),
}


class Syncs(RuleBasedStateMachine):
    """Things happen at the source while it is read, and the sync is killed, fails and goes on, in any order."""

    @initialize(name=st.sampled_from(sorted(CASES)), records=st.lists(st.floats(0, 1), max_size=12))
    def start(self, name, records):
        self.prepare(name, records)

    def prepare(self, name, records):
        self.case = CASES[name]()
        self.sync = Pass(self.case)
        self.stuck = False
        for back in records:
            self.sync.add(back)

    @rule(backs=st.lists(st.floats(0, 1), min_size=1, max_size=4), low=st.none() | st.integers(0, 50))
    def appears(self, backs, low):
        for back in backs:
            self.sync.add(back, low)

    @rule(choice=st.integers(0, 50), back=st.floats(0, 1), moves=st.booleans())
    def changes(self, choice, back, moves):
        self.sync.edit(choice, back, moves=moves)

    @rule(choice=st.integers(0, 50))
    def goes(self, choice):
        self.sync.remove(choice)

    @rule(minutes=st.sampled_from([1, 15, 70, 400, 1_500, 5_000]))
    def passes(self, minutes):
        self.sync.model.now += timedelta(minutes=minutes)

    @rule()
    def opens(self):
        self.sync.open()

    @precondition(lambda self: self.sync.lanes)
    @rule(lane=st.integers(0, 5))
    def reads(self, lane):
        self._guarded(lambda: self.sync.step(lane))

    @precondition(lambda self: self.sync.lanes)
    @rule(lane=st.integers(0, 5))
    def fails(self, lane):
        self.sync.fail(lane, TransientError("the source is slow", heavy=True))

    @rule()
    def saves(self):
        self.sync.checkpoint()

    @rule()
    def dies(self):
        self.sync.kill()

    @rule(order=st.randoms(use_true_random=False))
    def ends(self, order):
        self._guarded(lambda: self.sync.complete(lambda: order.randrange(6)))

    @invariant()
    def the_state_stays_small(self):
        if hasattr(self, "sync") and self.sync.progress is not None:
            assert len(self.sync.progress.saved().get("open", ())) <= 40

    def teardown(self):
        if not hasattr(self, "sync"):
            return
        sync = self.sync
        self._guarded(sync.complete)  # what was begun
        sync.model.now += self.case.lag + timedelta(seconds=1)
        self._guarded(sync.complete)
        if self.stuck:
            return
        assert sync.missing() == []
        if self.case.mirrors:
            assert set(sync.there) == set(sync.model.records)
        before = sync.state
        sync.complete()
        assert [key for key in sync.emitted if not self.case.again(sync.model.records[key], before)] == []

    def _guarded(self, read):
        """Too many records in one unit are an error: nothing more can be asked of such a run."""
        try:
            read()
        except ContractError as error:
            assert "at most" in error.what
            self.stuck = True
            self.sync.checkpoint()
            self.sync.drop()


TestSyncs = Syncs.TestCase
TestSyncs.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
