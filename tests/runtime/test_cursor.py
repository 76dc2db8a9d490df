"""Whatever happens at the source and to the sync, every cursor brings every record: one machine drives them all."""

import os
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

from .cursor_cases import CASES
from .cursor_model import BORN, HOUR, NONE, Fake, Pass, page

DRAWN = int(os.environ.get("HEADWATER_DRAWN", "40"))


class Syncs(RuleBasedStateMachine):
    """Things happen at the source while it is read, and the sync is killed, fails and goes on, in any order."""

    make = staticmethod(CASES["windows"])

    @initialize(records=st.lists(st.floats(0, 1), min_size=4, max_size=25))
    def start(self, records):
        self.case = self.make()
        self.sync = Pass(self.case)
        self.stuck = False
        self.sync.found(records)

    @rule(
        backs=st.lists(st.floats(0, 1), min_size=1, max_size=4),
        low=st.none() | st.integers(0, 50),
        gap=st.integers(0, 2),
    )
    def appears(self, backs, low, gap):
        for back in backs:
            self.sync.add(back, low, gap)

    @rule(choice=st.integers(0, 50))
    def appears_at_an_edge(self, choice):
        self.sync.add_at(choice)

    @rule(choice=st.integers(0, 50), back=st.floats(0, 1), moves=st.booleans())
    def changes(self, choice, back, moves):
        self.sync.edit(choice, back, moves=moves)

    @rule(choice=st.integers(0, 50))
    def goes(self, choice):
        self.sync.remove(choice)

    @rule(minutes=st.sampled_from([1, 15, 70, 400, 1_500, 5_000]))
    def passes(self, minutes):
        self.sync.model.now += timedelta(minutes=minutes)

    @rule(choice=st.integers(0, 10))
    def has_another_clock(self, choice):
        self.sync.clock = self.case.clocks[choice % len(self.case.clocks)]

    @rule(behind=st.integers(0, 3))
    def answers_from_a_copy(self, behind):
        self.case.source.behind = behind

    @rule(choice=st.integers(0, 10))
    def is_declared_anew(self, choice):
        self.sync.kill()
        cursors = (self.case.cursor, *self.case.others)
        self.sync.cursor = cursors[choice % len(cursors)]

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
        sync.clock, self.case.source.behind = NONE, 0
        self._guarded(sync.complete)  # what was begun
        sync.model.now += self.case.lag + 2 * HOUR + timedelta(seconds=1)  # also where a later lag is that much longer
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
