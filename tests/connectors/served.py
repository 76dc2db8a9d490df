"""A vendor served beside its connector, and syncs of the one from the other."""

from contextlib import contextmanager

from headwater import catalog
from headwater.engine import load
from headwater.prove.rig import Rig
from headwater.simulate import load_simulator


@contextmanager
def vendor(name, records=None, **options):
    """Serve a vendor beside its connector, and give both with an empty destination."""
    rig = Rig(load(catalog.connectors()[name]), load_simulator(catalog.simulator(name)), "quick", 0)
    with rig.vendor(records, **options) as served, served.landing() as landing:
        yield served, landing


def synced(landing, state=None, **how):
    """Sync, and fail if anything goes wrong."""
    sync = landing.sync(state=state, **how)
    assert not sync.trouble, sync.told()
    return sync
