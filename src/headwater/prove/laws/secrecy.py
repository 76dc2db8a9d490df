"""Law 9: no secret in any log line, error or state, whatever happens."""

from __future__ import annotations

import base64
from collections.abc import Generator, Iterable, Mapping
from hashlib import blake2b
from urllib.parse import quote, quote_plus

from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Rig, Sync, Vendor
from headwater.simulate import Conditions, Fault, FaultPlan
from headwater_runtime.log import spellings

__all__ = ["SECRECY"]


def check(rig: Rig) -> Generator[Case, None, None]:
    """Read all that is told of a good sync, of refused keys, of a vendor that fails or leaks, and of one that is gone."""
    simulator = rig.simulator
    if not simulator.secret_settings:
        raise NotJudgedError("The source needs no credential.")
    secrets = simulator.secrets()
    with rig.vendor() as vendor:
        yield Case("a good sync", _leak(_sync(vendor), secrets))
        for setting in simulator.secret_settings:
            wrong = wrong_value(rig.seed, setting)
            yield Case(f"a wrong {setting}", _leak(_sync(vendor, settings={setting: wrong}), {*secrets, wrong}))
        for fault in _faults(vendor):
            conditions = Conditions(FaultPlan.lasting(fault, 2))
            yield Case(
                f"every request from the second on: {fault}", _leak(_sync(vendor, conditions=conditions), secrets)
            )
        vendor.server.close()
        yield Case("a source that refuses the connection", _leak(_sync(vendor), secrets))


def wrong_value(seed: int, setting: str) -> str:
    """Return a credential that is wrong, and that no text holds by chance."""
    return f"wrong-{blake2b(f'{seed}:{setting}'.encode(), digest_size=8).hexdigest()}"


def forms(secret: str) -> set[str]:
    """Return the spellings under which a secret gives itself away."""
    encoded = secret.encode()
    plain = {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(encoded).decode(), encoded.hex()}
    return plain | spellings(secret)


def _sync(vendor: Vendor, settings: Mapping[str, str] | None = None, conditions: Conditions | None = None) -> Sync:
    return vendor.rehearse(
        settings=settings, conditions=conditions
    ).sync  # rows are no matter here, so nothing is landed


def _leak(sync: Sync, secrets: Iterable[str]) -> str:
    told = sync.told()
    for secret in secrets:
        for form in sorted(forms(secret), key=len, reverse=True):
            if form in told:
                line = next((line for line in told.splitlines() if form in line), form)
                return f"a secret is shown: {line.replace(form, '<secret>').strip()[:200]}"
    return ""


def _faults(vendor: Vendor) -> tuple[Fault, ...]:
    leaky = (Fault("echo"),)
    if vendor.rig.on_runtime:
        return (*leaky, *vendor.simulation.faults, *vendor.simulation.breaks)
    # A connector on the real clock would sit out its retries: what is refused at once is enough to make it talk.
    return (*leaky, Fault("invalid_json"), Fault("missing_records"))


SECRECY = Law(9, "No secret in any log line, error or state", check)
