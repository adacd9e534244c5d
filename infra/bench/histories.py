"""Histories of orders, deliveries and drivers, as their services would have decided them.

Appended to the event topics before a service starts, they are what its table is folded from.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from infra.bench.context import BenchError
from infra.bench.orders import REGIONS, town, town_location
from infra.bench.records import Keyed, append
from services.common import ids
from services.common.codec import encode_event
from services.common.decider import Decider, Envelope, Rejected, Row, fold
from services.common.messages.delivery import AssignDriver, ConfirmPickup, StartDelivery
from services.common.messages.driver import (
    AcceptOffer,
    OfferDelivery,
    ReportPickup,
    SetAvailability,
)
from services.common.messages.order import (
    ConfirmAdmission,
    ConfirmPayment,
    ConfirmPreparation,
    FinishPreparation,
    RecordDriver,
    RecordDropoff,
    RecordPickup,
    StartPreparation,
    SubmitOrder,
)
from services.common.values import GeoPoint, Item, Restaurant
from services.delivery.domain import Travel, delivery_decider
from services.driver.domain import driver_decider
from services.order.domain import Policy, order_decider

ORDERS, DELIVERIES, DRIVERS = "order.events", "delivery.events", "driver.events"
POLICY = Policy()
# Only for what is decided here: later decisions are those of the services, with their settings.
TRAVEL = Travel(8.3, 1.0)
SNAPSHOT_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Said:
    """A command, and the version of the aggregate (`<owner>/<key>`) whose event it follows from."""

    command: Any
    source: str | None = None
    source_version: int | None = None


def told(
    decider: Decider[Any, Any, Any], key: str, said: Iterable[Said], at: datetime
) -> Iterator[Keyed]:
    """The records of one aggregate's events, each decided on those before.

    Raises:
        BenchError: a command has no event.
    """
    row: Row[Any] | None = None
    for each in said:
        event = decider.decide(each.command, None if row is None else row.state, at)
        if event is None or isinstance(event, Rejected):
            raise BenchError(f"{each.command} leads to {event}")
        command_id = ids.derive(key, repr(each.command))
        envelope = Envelope(
            id=ids.derive(command_id, "event"),
            type=type(event).__name__,
            occurred_at=at,
            causation_id=command_id,
            correlation_id=getattr(each.command, "order_id", key),
            version=1 if row is None else row.version + 1,
            source=each.source,
            source_version=each.source_version,
        )
        row = fold(decider, row, envelope, event)
        yield key, encode_event(envelope, event)


def submission(reference: str, region: int) -> SubmitOrder:
    """An order in one of the towns."""
    middle = GeoPoint(**town_location(region))
    return SubmitOrder(
        partner="partner-1",
        reference=reference,
        restaurant=Restaurant(f"restaurant-{region + 1}", town(region), middle),
        destination=GeoPoint(middle.latitude + 0.01, middle.longitude + 0.01),
        items=(Item("Taco al pastor", 3, 450), Item("Horchata", 1, 300)),
        currency="USD",
        payment_token="tok_visa",
    )


def delivered_order(number: int, at: datetime) -> Iterator[Keyed]:
    """The events of an order that is at the door; its delivery is not told here."""
    order = submission(f"delivered-{number}", number % REGIONS)
    said = [*_ordered(order, at, f"driver-{number}"), _of_delivery(order, RecordDropoff, 4)]
    return told(order_decider(POLICY), order.order_id, said, at)


def on_the_road(driver_id: str, number: int, at: datetime) -> Mapping[str, list[Keyed]]:
    """By topic, the events of a driver with goods on board, of the delivery, and of its order."""
    order = submission(f"on-the-road-{number}", number % REGIONS)
    order_id, delivery_id = order.order_id, ids.delivery_id(order.order_id)
    region, pickup, dropoff = order.restaurant.region, order.restaurant.location, order.destination
    ordered = _ordered(order, at, driver_id)
    delivery = [
        Said(
            StartDelivery(delivery_id, order_id, region, pickup, dropoff),
            f"order/{order_id}",
            len(ordered) - 2,
        ),
        Said(AssignDriver(delivery_id, driver_id, pickup), f"driver/{driver_id}", 3),
        Said(ConfirmPickup(delivery_id, driver_id), f"driver/{driver_id}", 4),
    ]
    offer = OfferDelivery(driver_id, delivery_id, order_id, region, pickup, dropoff, None)
    driver = [
        *_announced(driver_id, number),
        Said(offer),
        Said(AcceptOffer(driver_id, delivery_id)),
        Said(ReportPickup(driver_id, delivery_id)),
    ]
    return {
        ORDERS: list(told(order_decider(POLICY), order_id, ordered, at)),
        DELIVERIES: list(told(delivery_decider(TRAVEL), delivery_id, delivery, at)),
        DRIVERS: list(told(driver_decider(SNAPSHOT_HOURS), driver_id, driver, at)),
    }


def waiting(driver_id: str, number: int, at: datetime) -> list[Keyed]:
    """The event of a driver who waits for work."""
    return list(told(driver_decider(SNAPSHOT_HOURS), driver_id, _announced(driver_id, number), at))


def scheduled_order(number: int, prepare_at: datetime, at: datetime) -> Iterator[Keyed]:
    """The events of an order that is paid, and is to be cooked at a later time."""
    order = submission(f"scheduled-{number}", number % REGIONS)
    later = replace(order, delay_seconds=round((prepare_at - at).total_seconds()))
    return told(order_decider(POLICY), later.order_id, _ordered(later, at, "")[:3], at)


async def append_history(bootstrap: str, topic: str, records: Iterable[Keyed]) -> None:
    """Appends records to an event topic whose service does not run."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer:
        await append(producer, topic, records)


def _ordered(order: SubmitOrder, at: datetime, driver_id: str) -> list[Said]:
    """What is said about an order until its driver has the goods."""
    order_id = order.order_id
    delivery_id = ids.delivery_id(order_id)
    seconds = POLICY.preparation_seconds, POLICY.accept_seconds_max
    return [
        Said(order),
        Said(ConfirmAdmission(order_id, "America/Los_Angeles", *seconds)),
        Said(ConfirmPayment(order_id, f"ch-{order_id}")),
        Said(StartPreparation(order_id, at)),
        Said(ConfirmPreparation(order_id, f"t-{order_id}")),
        Said(FinishPreparation(order_id)),
        Said(
            RecordDriver(order_id, delivery_id, driver_id, at),
            f"delivery/{delivery_id}",
            2,
        ),
        _of_delivery(order, RecordPickup, 3),
    ]


def _of_delivery(order: SubmitOrder, command: type[Any], version: int) -> Said:
    source = f"delivery/{ids.delivery_id(order.order_id)}"
    return Said(command(order.order_id), source, version)


def _announced(driver_id: str, number: int) -> list[Said]:
    middle = GeoPoint(**town_location(number % REGIONS))
    return [Said(SetAvailability(driver_id, True, town(number % REGIONS), middle))]
