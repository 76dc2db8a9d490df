"""Which company each visit is by, and back, by arithmetic: a million visits need no table of who came when.

Visits come in blocks of eight. The first four are by companies never seen before; the other four are returns, to companies
first seen in this block and 1, 4 and 16 blocks ago.
"""

from __future__ import annotations

__all__ = ["lead_of", "leads_after", "visits_of"]

BLOCK = 8
NEW = 4
BACK = (0, 1, 4, 16)


def leads_after(visits: int) -> int:
    """Return how many companies the first `visits` visits are by."""
    blocks, rest = divmod(visits, BLOCK)
    return NEW * blocks + min(NEW, rest)


def lead_of(visit: int) -> int:
    """Return the company of a visit."""
    block, place = divmod(visit, BLOCK)
    if place < NEW:
        return NEW * block + place
    first = block - BACK[place - NEW]
    return NEW * (first if first >= 0 else block) + place - NEW


def visits_of(lead: int, visits: int) -> list[int]:
    """Return which of the first `visits` visits are by a company: one to three, ascending."""
    block, turn = divmod(lead, NEW)
    found = {BLOCK * block + turn, BLOCK * (block + BACK[turn]) + NEW + turn}
    if block < BACK[turn]:  # there was no earlier block to return to
        found.add(BLOCK * block + NEW + turn)
    return sorted(visit for visit in found if visit < visits)
