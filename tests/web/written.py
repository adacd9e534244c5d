"""Records as the services write them, for the web front's feed to read."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.common import ids
from services.common.codec import encode_command, encode_event
from services.common.decider import Envelope
from services.common.messages import order as orders
from services.common.messages.delivery import DeliveryStarted, DriverAssigned
from services.common.messages.driver import DriverBecameAvailable, ReportLocation
from services.common.values import GeoPoint, Item, Restaurant
from services.web.records import LogRecord, read
from tests.common import memory_log

AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
PICKUP, DOOR = GeoPoint(37.33, -121.89), GeoPoint(37.34, -121.87)
SUBMIT = orders.SubmitOrder(
    partner="acme",
    reference="1001",
    restaurant=Restaurant("taqueria-1", "san-jose", PICKUP),
    destination=DOOR,
    items=(Item("Horchata", 2, 300),),
    currency="USD",
    payment_token="tok_visa",
    customer="cust-42",
)
ORDER_ID = SUBMIT.order_id
DELIVERY_ID = ids.delivery_id(ORDER_ID)
CREATED = orders.OrderCreated(
    order_id=ORDER_ID,
    partner=SUBMIT.partner,
    reference=SUBMIT.reference,
    restaurant=SUBMIT.restaurant,
    destination=DOOR,
    items=SUBMIT.items,
    currency="USD",
    amount_cents=600,
    payment_token="tok_visa",
    delay_seconds=0,
    code="1234",
    customer=SUBMIT.customer,
)
ADMITTED = orders.OrderAdmitted(ORDER_ID, None, 900, 690)
SCHEDULED = orders.OrderScheduled(ORDER_ID, "ch_1", AT)
STARTED = orders.PreparationStarted(ORDER_ID, "t_1", AT, AT + timedelta(minutes=9))
FINISHED = orders.PreparationFinished(ORDER_ID, DELIVERY_ID, "san-jose", PICKUP, DOOR, "1234")
FOUND = orders.DriverFound(ORDER_ID, DELIVERY_ID, "driver-1", AT + timedelta(minutes=8))
PICKED_UP = orders.OrderPickedUp(ORDER_ID)
DELIVERED = orders.OrderDelivered(ORDER_ID)
LIFE = (CREATED, ADMITTED, SCHEDULED, STARTED, FINISHED, FOUND, PICKED_UP, DELIVERED)
DELIVERY_STARTED = DeliveryStarted(DELIVERY_ID, ORDER_ID, "san-jose", PICKUP, DOOR, "1234")
ASSIGNED = DriverAssigned(DELIVERY_ID, ORDER_ID, "driver-1", AT + timedelta(minutes=8))
AVAILABLE = DriverBecameAvailable("driver-1", "san-jose", PICKUP)


@dataclass(slots=True)
class Log:
    """Topics of one partition each; every record is a second younger than the one before."""

    at: datetime = AT
    offsets: dict[str, int] = field(default_factory=dict)

    def event(self, owner: str, event: Any, caused_by: str = "cause", order: str = "") -> LogRecord:
        """An event of an owner, as its command loop appends it."""
        at = self._next()
        number = self.offsets.get(f"{owner}.events", 0) + 1
        envelope = Envelope(
            id=f"{owner}-event-{number}",
            type=type(event).__name__,
            occurred_at=at,
            causation_id=caused_by,
            correlation_id=order or getattr(event, "order_id", "driver's word"),
            version=number,
        )
        return self.record(f"{owner}.events", encode_event(envelope, event), at)

    def command(self, owner: str, command: Any, command_id: str, order: str = "") -> LogRecord:
        """A command to an owner."""
        at = self._next()
        envelope = Envelope(command_id, type(command).__name__, at, command_id, order or command_id)
        return self.record(f"{owner}.commands", encode_command(envelope, command), at)

    def location(self, location: GeoPoint) -> LogRecord:
        """What a phone says."""
        at = self._next()
        command = ReportLocation("driver-1", location, at)
        envelope = Envelope("r", "ReportLocation", at, "r", "driver-1")
        return self.record("driver.locations", encode_command(envelope, command), at)

    def plain(self, topic: str, content: Any) -> LogRecord:
        """Any JSON."""
        return self.record(topic, msgspec.json.encode(content), self._next())

    def record(self, topic: str, value: bytes, at: datetime) -> LogRecord:
        """Any bytes."""
        taken = read(self.raw(topic, value, at))
        assert taken is not None
        return taken

    def raw(self, topic: str, value: bytes, at: datetime = AT) -> memory_log.LogRecord:
        """As a consumer gives it."""
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        return memory_log.LogRecord(topic, 0, offset, int(at.timestamp() * 1000), b"k", value)

    def _next(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at
