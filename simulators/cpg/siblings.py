"""The sibling data sets: the same machinery, with `spl` as the hands-on lab shows it and a short common form for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.simulate import Record, choice, draw

from .records import identifier

__all__ = ["SIBLINGS", "Sibling"]

EPOCH = 1_735_689_600  # 2025-01-01T00:00:00Z
STATUSES = ("active", "pending", "closed", "on_hold")


@dataclass(frozen=True)
class Sibling:
    """One data set: its code, how many records it has by default, and how to make one."""

    code: str
    count: int
    record: Callable[[int, int, int], Record]


def _common(code: str, *, epoch: bool = False) -> Callable[[int, int, int], Record]:
    def record(seed: int, index: int, version: int) -> Record:
        word = draw(code, seed, index, version)
        row: Record = {
            "record_id": identifier(f"{code}.uuid", seed, index),
            "entity_id": f"{code.upper()}_{word[0] % 1_000:06d}",
            "event_date": (datetime(2025, 1, 1) + timedelta(days=word[1] % 365)).date().isoformat(),  # noqa: DTZ001  (no zone in the API)
            "status": choice(STATUSES, word[2]),
            "quantity": word[3] % 500,
            "amount": round(word[4] / 13, 2),
            "is_flagged": word[5] < 0x2000,
        }
        return {**row, "last_updated_epoch": EPOCH + index * 60 + version * 86_400} if epoch else row

    return record


def _spl(seed: int, index: int, version: int) -> Record:
    word = draw("spl", seed, index, version)
    day = datetime(2025, 1, 4) + timedelta(days=word[0] % 365)  # noqa: DTZ001  (the API gives no zone)
    return {
        "record_id": identifier("spl.uuid", seed, index),
        "location_code": f"LOC-{word[1] % 40:03d}",
        "product_sku": f"SKU-{word[2] % 300:05d}",
        "forecast_date": day.strftime("%Y-%m-%d 00:00:00.000"),
        "forecast_horizon_days": choice((7, 14, 30, 90), word[3]),
        "forecast_units": word[4] % 2_000,
        "seasonal_index": round(0.5 + word[5] / 0xFFFF, 3),
        "stockout_indicator": word[6] < 0x1000,
        "last_updated_epoch": EPOCH + index * 60 + version * 86_400,
    }


SIBLINGS = (
    *(
        Sibling(code, 750, _common(code))
        for code in ("agr", "cds", "fpr", "fts", "hed", "icp", "mso", "phr", "qbr", "rdp")
    ),
    Sibling("spl", 600, _spl),
    Sibling("tlc", 750, _common("tlc", epoch=True)),
)
