"""Whatever happens at the source and to the sync, every cursor brings every record: one machine drives them all."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from headwater_runtime import ConfigError, ContractError, FullRefresh, Token, TransientError
from headwater_runtime.moments import floored, read
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
    Parted,
    Pass,
    after_token,
    as_job,
    changed,
    everything,
    happened,
    page,
    ranged,
)

FIRST = BORN - 3 * DAY
LAG = 10 * MINUTE
DRAWN = int(os.environ.get("HEADWATER_DRAWN", "40"))


def windows(  # noqa: PLR0913  (each is a way in which sources differ)
    step, *, unit=NONE, lookback=NONE, lag=NONE, cap=0, keyed=False, exclusive=False, ahead=NONE
):
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

    cursor = Sequence(
        source if newest else None, changed="changed" if edits else "", unit=unit, lookback=lookback, lag=lag
    )
    lanes = 3 if newest else 1
    return Case(cursor, ranged(unit), source, lag=lag, ahead=ahead, edits=edits, low=edits, again=again, lanes=lanes)


def by_job(case):
    return replace(case, answer=as_job(case.answer), source=Fake(durable=True, paging="Job"))


def parted(case):
    return replace(case, cursor=Parted(case.cursor), again=lambda *_: True)


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
    "full refresh by a job": lambda: by_job(Case(FullRefresh(), everything)),
    "watermark by a job": lambda: by_job(watermark(unit=HOUR)),
    "windows by jobs": lambda: by_job(windows(8 * HOUR, lookback=HOUR, lag=LAG)),
    "windows of parts": lambda: parted(windows(12 * HOUR, unit=HOUR, lookback=HOUR)),
    "watermark of parts": lambda: parted(watermark(keyed=True)),
}


class Syncs(RuleBasedStateMachine):
    """Things happen at the source while it is read, and the sync is killed, fails and goes on, in any order."""

    make = staticmethod(CASES["windows"])

    @initialize(records=st.lists(st.floats(0, 1), min_size=4, max_size=25))
    def start(self, records):
        self.case = self.make()
        self.sync = Pass(self.case)
        self.stuck = False
        self.sync.found(records)

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

    @rule(lanes=st.integers(1, 4), turns=st.lists(st.integers(0, 3), max_size=8), late=st.floats(0, 1))
    def is_broken_off(self, lanes, turns, late):
        """Some lanes get some pages; it is saved; what was read changes; it is killed."""
        self.sync.drop()
        for _ in range(lanes):
            self.sync.open()
        for turn in turns:
            if self.sync.lanes:
                self._guarded(lambda turn=turn: self.sync.step(turn))
        if not self.stuck:
            self.sync.checkpoint()
        self.sync.kill()
        self.sync.add(late)
        self.sync.edit(turns[0] if turns else 0, late, moves=False)

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


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost_and_no_more_repeated_than_said(name):
    machine = type("Machine", (Syncs,), {"make": staticmethod(CASES[name])})
    run_state_machine_as_test(machine, settings=settings(max_examples=DRAWN, stateful_step_count=25, deadline=None))


def test_a_token_is_kept_from_page_to_page_and_the_last_page_keeps_it():
    progress = Token().begin({"token": "t1", "unknown": 1}, Fake(paging="NextToken"), BORN)
    one = progress.next()
    assert (one.at, progress.next()) == ("t1", None)
    progress.moved(one, page([], "t2"))
    progress.moved(one, page([]))
    progress.done(one)
    assert progress.saved() == {"token": "t2"}


def test_only_what_lasts_can_be_a_token():
    for durable, kind in ((False, "Offset"), (True, "Job")):
        with pytest.raises(ConfigError, match="NextToken or Keyset"):
            Token().check(Fake(durable=durable, paging=kind))
    Token().check(Fake(paging="NextToken"))
    Token().check(Fake(durable=True, paging="Keyset"))


def test_a_full_refresh_remembers_nothing_but_a_running_job():
    progress = FullRefresh().begin({}, Fake(), BORN)
    one = progress.next()
    progress.moved(one, page([], 7))
    assert progress.saved() == {}
    progress.moved(one, page([], "job-1", urgent=True))
    assert progress.saved() == {"at": "job-1"}
    assert FullRefresh().begin(progress.saved(), Fake(), BORN).next().at == "job-1"
    progress.done(one)
    assert progress.saved() == {}


def test_a_page_cannot_be_marked_done_before_it_is_emitted():
    """What is handed out but not moved over is in no saved state."""
    for name in ("windows", "sequence", "watermark", "token"):
        sync = Pass(CASES[name]())
        sync.found([0.1, 0.5, 0.9])
        begun = sync.begin().saved()
        while sync.open():
            pass
        assert sync.begin().saved() == begun, name
