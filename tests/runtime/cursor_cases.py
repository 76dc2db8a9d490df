"""Every cursor over a source that keeps just what it promises: what is drawn and what is tried point by point."""

from dataclasses import replace

from headwater_runtime import FullRefresh, Token
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
    after_token,
    as_job,
    changed,
    everything,
    happened,
    ranged,
)

FIRST = BORN - 3 * DAY
LAG = 10 * MINUTE


def windows(  # noqa: PLR0913  (each is a way in which sources differ)
    step, *, unit=NONE, lookback=NONE, lag=NONE, cap=0, keyed=False, exclusive=False, ahead=NONE, **source
):
    cursor = Windows(
        FIRST, step, unit=unit, lookback=lookback, lag=lag, most=cap or None, smallest=unit or HOUR, tries=2
    )
    others = (
        replace(cursor, step=2 * step + unit),
        replace(cursor, step=unit or HOUR, smallest=None),
        replace(cursor, start=FIRST - 2 * DAY),
        replace(cursor, start=BORN - DAY - HOUR),
        replace(cursor, lookback=lookback + HOUR),
        replace(cursor, lag=lag + 2 * HOUR),
    )

    def again(record, state):
        return record.time >= floored(read(state["until"]) - lookback - HOUR, unit)

    return Case(
        cursor,
        happened(unit, cap=cap, keyed=keyed, exclusive=exclusive, **source),
        Fake(durable=keyed, paging="Keyset" if keyed else "PageNumber"),
        late=lookback,
        lag=lag,
        ahead=ahead,
        old=False,
        again=again,
        clocks=clocks(lag),
        others=others,
    )


def clocks(lag):
    """Our clock may be behind by any time, and ahead by some of the lag."""
    return (lag / 2, *Case.clocks) if lag else Case.clocks


def pacific():
    """Days that begin eight hours later than those of UTC: `lag` holds these hours too."""
    case = windows(2 * DAY, unit=DAY, lag=LAG + 8 * HOUR, behind=8 * HOUR)
    return replace(case, lag=LAG, clocks=clocks(LAG), by=lambda record: record.time - 8 * HOUR, again=lambda *_: True)


def watermark(*, unit=NONE, lookback=NONE, lag=LAG, order="none", keyed=False, ahead=NONE):
    def again(record, state):
        since = floored(read(state["since"]) - lookback - HOUR, unit) if "since" in state else None
        return since is None or floored(record.changed, unit) >= since

    cursor = Watermark("changed", unit=unit, lookback=lookback, lag=lag, order=order)
    return Case(
        cursor,
        changed(unit, order, keyed=keyed),
        Fake(durable=keyed, paging="Keyset" if keyed else "NextLink"),
        lag=lag + lookback,
        ahead=ahead,
        again=again if order != "descending" else lambda *_: True,  # the last page overlaps
        clocks=clocks(lag),
        others=(
            replace(cursor, start=FIRST),
            replace(cursor, start=FIRST + DAY),
            replace(cursor, lookback=lookback + HOUR),
            replace(cursor, lag=lag + 2 * HOUR),
        ),
        by=lambda record: record.changed,
    )


def sequence(*, newest=True, edits=True, unit=NONE, lookback=0, lag=LAG, ahead=NONE):
    source = Fake(durable=True, paging="Keyset")

    def again(record, state):
        recent = edits and floored(record.changed, unit) >= floored(read(state["since"]), unit)
        return recent or record.id > state["until"] - lookback - 2

    cursor = Sequence(
        source if newest else None, changed="changed" if edits else "", unit=unit, lookback=lookback, lag=lag
    )
    others = (replace(cursor, lookback=lookback + 2), replace(cursor, lag=lag + HOUR))
    return Case(
        cursor,
        ranged(unit),
        source,
        lag=lag,
        ahead=ahead,
        edits=edits,
        low=1_000 if edits else lookback,
        again=again,
        lanes=3 if newest else 1,
        clocks=clocks(lag),
        others=others,
    )


def by_job(case):
    return replace(case, answer=as_job(case.answer), source=Fake(durable=True, paging="Job"))


def parted(case):
    others = tuple(Parted(other) for other in case.others)
    return replace(case, cursor=Parted(case.cursor), others=others, again=lambda *_: True)


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
    "windows by the day of a zone behind": pacific,
    "windows sent by the minute": lambda: windows(6 * HOUR, lag=LAG, sent=MINUTE),
    "windows by the hour, capped": lambda: windows(12 * HOUR, unit=HOUR, lookback=3 * HOUR, cap=12),
    "windows with a key": lambda: windows(12 * HOUR, lookback=90 * MINUTE, keyed=True, lag=LAG),
    "sequence": sequence,
    "sequence by the day": lambda: sequence(unit=DAY, ahead=HOUR),
    "sequence without edits": lambda: sequence(edits=False, lookback=2),
    "sequence that only grows": lambda: sequence(edits=False),
    "sequence without an end": lambda: sequence(newest=False),
    "sequence without an end or edits": lambda: sequence(newest=False, edits=False, lookback=3),
    "full refresh by a job": lambda: by_job(Case(FullRefresh(), everything)),
    "watermark by a job": lambda: by_job(watermark(unit=HOUR)),
    "windows by jobs": lambda: by_job(windows(8 * HOUR, lookback=HOUR, lag=LAG)),
    "windows of parts": lambda: parted(windows(12 * HOUR, unit=HOUR, lookback=HOUR)),
    "watermark of parts": lambda: parted(watermark(keyed=True)),
}
