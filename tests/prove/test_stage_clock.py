"""The clock of a proof: what threads sleep side by side passes once, and what was slept can be taken back."""

import threading

import pytest

from headwater.prove.stage_clock import StageClock


@pytest.fixture
def clock():
    return StageClock()


def at_once(count, work):
    """Run `work` in so many threads, each of them up to the barrier it is given before any goes on."""
    barrier = threading.Barrier(count)
    threads = [threading.Thread(target=work, args=(barrier,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_alone_it_moves_by_what_is_slept(clock):
    began = clock.now()
    clock.sleep(2.5)
    clock.sleep(1.0)
    assert clock.monotonic() == 3.5
    assert (clock.now() - began).total_seconds() == 3.5


def test_a_minute_that_eight_threads_wait_together_is_one_minute(clock):
    def wait(barrier):
        clock.monotonic()
        barrier.wait()
        clock.sleep(60.0)
        assert clock.monotonic() >= 60.0

    at_once(8, wait)
    assert clock.monotonic() == 60.0


def test_waits_of_one_thread_add_up_although_others_sleep(clock):
    def wait(barrier):
        clock.monotonic()
        barrier.wait()
        for _ in range(5):
            clock.sleep(10.0)

    at_once(4, wait)
    assert clock.monotonic() == 50.0


def test_who_waits_for_a_moment_gets_there(clock):
    def wait(barrier):
        barrier.wait()
        until = clock.monotonic() + 30.0
        while (left := until - clock.monotonic()) > 0:
            clock.sleep(min(left, 7.0))

    at_once(8, wait)
    assert clock.monotonic() >= 30.0


def test_what_was_slept_is_taken_back_but_not_what_passed_on_purpose(clock):
    clock.pass_by(86_400.0)
    day = clock.now()
    clock.sleep(9.0)
    clock.wind_back()
    assert clock.now() == day
    clock.sleep(1.0)
    assert clock.monotonic() == 86_401.0
