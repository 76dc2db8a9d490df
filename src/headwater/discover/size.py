"""The page size: which parameter sets it, and the largest size the source honours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from headwater.discover.trial import Endpoint, Trial
from headwater.discover.vocabulary import SIZE_PARAMS

__all__ = ["Size", "find_size"]

LARGE = 1000
STEPS = (500, 250, 200, 100, 50)
USUAL = 100
BOUND = re.compile(
    r"(?:max(?:imum)?(?:\s+\w+){0,3}?\s*(?:is|of|:|=)?|at most|no more than|less than or equal to|cannot exceed|not exceed|"
    r"exceeds?|up to|<=|≤|(?:between|from|range)\D{0,20}\d+\s*(?:and|to|-|–|\.\.|,))\D{0,10}?(\d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Size:
    """The parameter, the size to ask for, a size below the usual one, the largest one honoured (0: not known), the proof."""

    param: str
    size: int
    fewer: int
    largest: int
    evidence: str


def find_size(endpoint: Endpoint, goes_on: Callable[[Trial], bool]) -> Size | None:
    """Return the parameter that changes the number of records on a page, with its bounds; None if none was found.

    `goes_on` tells whether there are records behind those of a trial.
    """
    count = len(endpoint.rows)
    fewer = max(1, count // 2) if count > 1 else 2
    start = [endpoint.identify(row) for row in endpoint.rows[:fewer]]

    def accept(_: str, trial: Trial) -> bool:
        return len(trial.rows) == fewer and [endpoint.identify(row) for row in trial.rows][: len(start)] == start

    likely = [name for name in SIZE_PARAMS if name.lower() in endpoint.hints]
    found = endpoint.find(likely, SIZE_PARAMS, fewer, accept)
    if found is None:
        return None
    param, _ = found
    largest, seen = _largest(endpoint, param, goes_on)
    size = min(largest, max(count, USUAL)) if largest else count
    plural = "record" if fewer == 1 else "records"
    return Size(param, size, fewer, largest, f"{param}={fewer} brought {fewer} {plural}; {seen}")


def _largest(endpoint: Endpoint, param: str, goes_on: Callable[[Trial], bool]) -> tuple[int, str]:
    """Return the largest page size the source honours, by asking for a large one and believing only what comes."""
    trial = endpoint.ask({param: LARGE})
    if trial.rows:
        return _capped(param, trial, goes_on)
    if trial.outcome == "unasked":
        return 0, "its maximum was not tried, the request budget was spent"
    refusal = f"{param}={LARGE} is refused ({trial.reply.status or trial.reply.trouble})"
    told = [int(number) for number in BOUND.findall(trial.reply.words)]
    for size in dict.fromkeys([*told, *STEPS]):
        if not len(endpoint.rows) <= size < LARGE:
            continue
        again = endpoint.ask({param: size})
        if again.rows:
            words = ", as its error says" if size in told else ""
            return size, f"{refusal}, {param}={size} is honoured{words}"
    return 0, refusal


def _capped(param: str, trial: Trial, goes_on: Callable[[Trial], bool]) -> tuple[int, str]:
    """Tell a silent cap from a source that simply holds no more."""
    came = len(trial.rows)
    if came < LARGE and goes_on(trial):
        return came, f"{param}={LARGE} brought {came} and there are more, so {came} is the cap"
    return LARGE, f"{param}={LARGE} brought {came}"
