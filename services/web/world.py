"""What the topics say, folded: orders with their stories, deliveries, drivers, letters, figures.

All of it is bounded: the newest orders are kept, and of each the newest steps.
"""

import heapq
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.common import ids
from services.common.codec import LANGUAGES, BadRecordError
from services.common.decider import Envelope
from services.common.messages.driver import ReportLocation
from services.web.records import LogRecord
from services.web.requests import (
    AdmissionView,
    RequestView,
    admission_after,
    named_deliveries,
    request_after,
)
from services.web.road import (
    DeliveryView,
    DriverView,
    delivery_after,
    driver_after,
    driver_seen,
)
from services.web.settings import Settings
from services.web.stories import Step, Story
from services.web.views import Change, OrderView, changes, order_after

REJECTIONS_MAX = 100
MINUTES_KEPT = 60
WAITING_MAX = 2_000
COUNTED = {
    "OrderCreated": "submitted",
    "OrderDelivered": "delivered",
    "OrderCancelled": "cancelled",
    "OrderRejected": "rejected",
}


@dataclass(slots=True)
class Kept:
    """One order: what is known of it, and its story. `since` is its first record's instant."""

    order_id: str
    since: datetime
    story: Story
    order: OrderView | None = None
    delivery: DeliveryView | None = None
    request: RequestView | None = None
    admission: AdmissionView | None = None


class World:
    """The fold of all topics, in whatever order their partitions are read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._orders: dict[str, Kept] = {}
        self._by_age: list[tuple[datetime, str]] = []
        self._forgotten_at: datetime | None = None
        # Orders by the id of their delivery; and steps that name only a delivery, or share the
        # correlation of an order, and were read before anything that names the order.
        self._of_delivery: dict[str, str] = {}
        self._waiting: OrderedDict[str, list[Step]] = OrderedDict()
        # Where drivers were seen last, and what their events alone say, as a story tells it.
        self.drivers: OrderedDict[str, DriverView] = OrderedDict()
        self._twins: OrderedDict[str, DriverView] = OrderedDict()
        self.rejections: deque[LogRecord] = deque(maxlen=REJECTIONS_MAX)
        self.letters: OrderedDict[tuple[str, str], LogRecord] = OrderedDict()
        self.resolved: OrderedDict[tuple[str, str], list[LogRecord]] = OrderedDict()
        self._minutes: Counter[tuple[datetime, str]] = Counter()

    def take(self, record: LogRecord) -> None:
        """Takes the next record of a topic."""
        change = None
        match record.topic_kind:
            case "events":
                change = self._event(record)
            case "rejections":
                self.rejections.append(record)
            case "dead-letters":
                self._letter(record)
            case "locations":
                self._location(record)
                return
        if record.owner == "matcher" and record.topic_kind == "events":
            self._match(record)
            return
        self._tell(record, Step(record, change))

    def kept(self, order_id: str) -> Kept | None:
        """What is kept of an order."""
        return self._orders.get(order_id)

    def order_of(self, record: LogRecord) -> str | None:
        """The order that a record is about, by what it names or shares."""
        if record.order_id is not None:
            return record.order_id
        if record.delivery_id is not None:
            return self._of_delivery.get(record.delivery_id)
        shared = record.correlation_id
        return shared if shared in self._orders else None

    def orders(self) -> Iterator[OrderView]:
        """All that are kept and whose beginning is known."""
        return (each.order for each in self._orders.values() if each.order is not None)

    def deliveries(self) -> Iterator[DeliveryView]:
        """Of the orders that are kept."""
        return (each.delivery for each in self._orders.values() if each.delivery is not None)

    def throughput(self, now: datetime) -> list[dict[str, Any]]:
        """How many orders came and ended in each of the last minutes, the oldest first."""
        this = now.replace(second=0, microsecond=0)
        minutes = (this - timedelta(minutes=ago) for ago in reversed(range(MINUTES_KEPT)))
        return [
            {
                "minute": minute,
                **{name: self._minutes[minute, name] for name in COUNTED.values()},
            }
            for minute in minutes
        ]

    def search(self, text: str, found_max: int) -> list[OrderView]:
        """Orders by how their id begins, part of their reference or restaurant, or customer."""
        wanted = text.strip().lower()
        found = [order for order in self.orders() if _matches(order, wanted)]
        return heapq.nlargest(found_max, found, key=lambda order: order.created_at)

    def _event(self, record: LogRecord) -> Change | None:
        read = _read_event(record)
        if read is None:
            return None
        envelope, event = read
        at = envelope.occurred_at
        match record.owner:
            case "order":
                kept = self._keep(record, record.order_id)
                if kept is None:
                    return None
                before, kept.order = kept.order, order_after(kept.order, event, at)
                self._count(record.type, at)
                return changes(before, kept.order, OrderView.public)
            case "delivery":
                kept = self._keep(record, record.order_id)
                if kept is None:
                    return None
                was, kept.delivery = kept.delivery, delivery_after(kept.delivery, event, at)
                return changes(was, kept.delivery, DeliveryView.public)
            case "driver":
                driver_id = event.driver_id
                seen = driver_after(self.drivers.get(driver_id), event, at)
                self._put_driver(self.drivers, driver_id, seen)
                twin = self._twins.get(driver_id)
                self._put_driver(self._twins, driver_id, driver_after(twin, event, at))
                return changes(twin, self._twins.get(driver_id), DriverView.public)
            case "restaurant":
                kept = self._keep(record, record.order_id)
                if kept is None:
                    return None
                old, kept.admission = kept.admission, admission_after(kept.admission, event)
                return changes(old, kept.admission, AdmissionView.public)
            case _:
                return None

    def _match(self, record: LogRecord) -> None:
        """Adds what the matcher has decided to the story of each order that it is about."""
        read = _read_event(record)
        is_told = False
        if read is not None:
            event = read[1]
            for delivery_id, order_id in named_deliveries(event).items():
                kept = self._keep(record, order_id or self._of_delivery.get(delivery_id))
                if kept is None:
                    continue
                was, kept.request = kept.request, request_after(kept.request, event, delivery_id)
                kept.story.add(Step(record, changes(was, kept.request, RequestView.public)))
                is_told = True
        if not is_told:
            self._tell(record, Step(record))

    def _put_driver(
        self, drivers: OrderedDict[str, DriverView], driver_id: str, driver: DriverView | None
    ) -> None:
        if driver is None:
            return
        drivers[driver_id] = driver
        drivers.move_to_end(driver_id)
        if len(drivers) > self._settings.drivers_max:
            drivers.popitem(last=False)

    def _location(self, record: LogRecord) -> None:
        try:
            _, command = LANGUAGES["driver"].decode_command(record.value, record.id, record.at)
        except BadRecordError:
            return  # the driver service puts it aside
        known = self.drivers.get(command.driver_id)
        if isinstance(command, ReportLocation) and known is not None:
            seen = driver_seen(known, command.location, command.recorded_at)
            self._put_driver(self.drivers, command.driver_id, seen)

    def _letter(self, record: LogRecord) -> None:
        if record.type == "DeadLetterResolved":
            place = (record.owner, str(record.content.get("letter_id")))
            self.resolved.setdefault(place, []).append(record)
            if len(self.resolved) > self._settings.letters_max:
                self.resolved.popitem(last=False)
            return
        self.letters.setdefault((record.owner, record.id), record)
        if len(self.letters) > self._settings.letters_max:
            place, _ = self.letters.popitem(last=False)
            self.resolved.pop(place, None)

    def _count(self, event_type: str, at: datetime) -> None:
        name = COUNTED.get(event_type)
        if name is None:
            return
        minute = at.replace(second=0, microsecond=0)
        if (minute, name) not in self._minutes and len(self._minutes) > 4 * 2 * MINUTES_KEPT:
            newest = max(each for each, _ in self._minutes)
            old = [each for each in self._minutes if each[0] < newest - timedelta(hours=1)]
            for each in old:
                del self._minutes[each]
        self._minutes[minute, name] += 1

    def _tell(self, record: LogRecord, step: Step) -> None:
        """Adds the step to its order's story."""
        order_id = self.order_of(record)
        if order_id is not None:
            kept = self._keep(record, order_id)
            if kept is not None:
                kept.story.add(step)
            return
        named = record.delivery_id or (record.correlation_id if record.owner == "matcher" else None)
        if named is not None:
            self._waiting.setdefault(named, []).append(step)
            if len(self._waiting) > WAITING_MAX:
                self._waiting.popitem(last=False)

    def _keep(self, record: LogRecord, order_id: str | None) -> Kept | None:
        """The order, kept from now on where it is not older than those that were forgotten."""
        if order_id is None:
            return None
        if order_id in self._orders:
            return self._orders[order_id]
        if self._forgotten_at is not None and record.at <= self._forgotten_at:
            return None
        story = Story(self._settings.records_per_order_max)
        kept = self._orders[order_id] = Kept(order_id, record.at, story)
        heapq.heappush(self._by_age, (record.at, order_id))
        delivery_id = ids.delivery_id(order_id)
        self._of_delivery[delivery_id] = order_id
        for named in (order_id, delivery_id):
            for step in self._waiting.pop(named, ()):
                story.add(step)
        if len(self._orders) > self._settings.kept_orders_max:
            self._forgotten_at, oldest = heapq.heappop(self._by_age)
            del self._orders[oldest]
            self._of_delivery.pop(ids.delivery_id(oldest), None)
            return self._orders.get(order_id)
        return kept


def _read_event(record: LogRecord) -> tuple[Envelope, Any] | None:
    """The event; None where a newer version has written it, perhaps: the record itself is shown."""
    language = LANGUAGES.get(record.owner)
    if language is None:
        return None
    try:
        return language.decode_event(record.value)
    except BadRecordError:
        return None


def percentile_50(values: Iterable[float]) -> float:
    """The median of at least one value; the upper one of two in the middle."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _matches(order: OrderView, wanted: str) -> bool:
    return (
        order.order_id.startswith(wanted)
        or wanted in order.reference.lower()
        or wanted in order.restaurant.restaurant_id.lower()
        or wanted == (order.customer or "").lower()
    )
