"""Which endpoint feeds which tables, and from which day the next sync goes on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from headwater_runtime import Beside, Client, Errors, Settings, Stream, Windows

from api import leads, visits
from models import LEADS, LOCATIONS, VISIT_ROUTS, VISITS, lead, location, visit, visit_routs

DAY = timedelta(days=1)


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Read month by month from the first day on; the last day is read again, for it was not over.

    A range with 10,000 leads, the vendor's most, is read again in halves. Each table's date is its stream's: no endpoint
    gives places or steps of a route alone. No lag: the day looked back is read again whole, so what a clock of ours that is
    ahead of theirs misses comes then, and today is read from its first minute.
    """
    days = Windows(settings.start_date_override, step=30 * DAY, unit=DAY, lookback=DAY, lag=0 * DAY)
    lacking = Errors(limit=1_000)  # records that lack a field are logged and left out; more than this is a broken API
    places = {LOCATIONS: Beside("included?", location)}
    yield Stream(leads(client, settings), {LEADS: lead, **places}, cursor=replace(days, most=10_000), errors=lacking)
    yield Stream(
        visits(client, settings), {VISITS: visit, VISIT_ROUTS: visit_routs, **places}, cursor=days, errors=lacking
    )
