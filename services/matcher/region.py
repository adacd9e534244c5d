"""Who waits for whom in one region, and how much of that there may be.

A region is written to the log whole, as one event; that bounds what it holds.
"""

import dataclasses
from datetime import datetime

from msgspec import Struct, field

from services.common.codec import EVENT_BYTES_MAX, encode_plain
from services.common.decider import Row
from services.common.messages.matcher import RegionSnapshotted, WaitingDelivery
from services.matcher.queues import Deliveries, Drivers, Offers

# So many fit into an event, whatever their names.
DELIVERIES_MAX = 1_500
DRIVERS_MAX = 1_600
# What a snapshot may have; the rest of EVENT_BYTES_MAX is for its envelope.
SNAPSHOT_BYTES_MAX = EVENT_BYTES_MAX - 2_000
# A delivery that so many drivers do not want is offered to nobody; its own service flags it.
EXCLUDED_MAX = 256


class Region(Struct, frozen=True):
    """Who waits for whom, longest first, and the open offers."""

    region: str
    snapshot_at: datetime
    waiting: Deliveries = field(default_factory=Deliveries)
    available: Drivers = field(default_factory=Drivers)
    offers: Offers = field(default_factory=Offers)


def snapshot(key: str, row: Row[Region]) -> RegionSnapshotted:
    """The whole region as an event, so that events before it may be forgotten.

    Where that would be too long for an event, only the last drivers who do not want a delivery are
    kept, as many as fit: the others may be asked once more, and their twins say no.
    """
    kept = EXCLUDED_MAX
    while True:
        written = _written(key, row, kept)
        if kept == 0 or len(encode_plain(written)) <= SNAPSHOT_BYTES_MAX:
            return written
        kept //= 2


def _written(key: str, row: Row[Region], excluded_max: int) -> RegionSnapshotted:
    region = row.state
    return RegionSnapshotted(
        key,
        tuple(_with_excluded(each, excluded_max) for each in region.waiting),
        tuple(region.available),
        tuple(
            dataclasses.replace(each, delivery=_with_excluded(each.delivery, excluded_max))
            for each in region.offers
        ),
        row.sources,
    )


def _with_excluded(delivery: WaitingDelivery, excluded_max: int) -> WaitingDelivery:
    if len(delivery.excluded) <= excluded_max:
        return delivery
    last = delivery.excluded[len(delivery.excluded) - excluded_max :]
    return dataclasses.replace(delivery, excluded=last)
