"""What can be listed: whose front has it, how it is filtered, and what of it a list shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.look.text import NOTHING, age, clock, compact, money
from services.common.messages.driver import DriverStatus
from services.common.messages.restaurant import RestaurantStatus
from services.delivery.domain import FINAL as DELIVERY_FINAL
from services.delivery.domain import DeliveryStatus
from services.order.domain import OrderStatus
from services.order.domain.order import FINAL as ORDER_FINAL

Row = Mapping[str, Any]
Cell = Callable[[Row, datetime], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows.

    name: of the command, and of the table of a query.
    path: of the list at the service's front; one row is at path/key.
    cells: by heading, how a row's cell is told at an instant.
    labels: what the front filters by, besides the status.
    newest_by: the instant that the front sorts by, newest first; rows without it are sorted by key.
    """

    name: str
    one: str
    service: str
    path: str
    key: str
    cells: Mapping[str, Cell]
    labels: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    final: frozenset[str] = frozenset()
    newest_by: str | None = None

    @property
    def open_statuses(self) -> tuple[str, ...]:
        """The statuses of what has not ended."""
        return tuple(status for status in self.statuses if status not in self.final)


def _field(name: str) -> Cell:
    return lambda row, now: compact(row.get(name))


def _age(name: str) -> Cell:
    return lambda row, now: age(row.get(name), now)


def _count(name: str) -> Cell:
    return lambda row, now: str(len(row[name]) or NOTHING)


def _eta(row: Row, now: datetime) -> str:
    return clock(row.get("eta_at"))


# Of an order that is not decided yet, nothing but its id is told.
def _partner_reference(row: Row, now: datetime) -> str:
    return f"{row['partner']}/{row['reference']}" if "partner" in row else NOTHING


def _restaurant(row: Row, now: datetime) -> str:
    return compact(row["restaurant"]["restaurant_id"]) if "restaurant" in row else NOTHING


def _amount(row: Row, now: datetime) -> str:
    return money(row["amount_cents"], row["currency"]) if "currency" in row else NOTHING


def _of_driver(row: Row, now: datetime) -> str:
    work = row["delivery"] or row["offer"]
    return compact(work["delivery_id"] if work else None)


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="orders",
            one="order",
            service="order",
            path="/orders",
            key="order_id",
            cells={
                "order": _field("order_id"),
                "status": _field("status"),
                "age": _age("created_at"),
                "partner/reference": _partner_reference,
                "customer": _field("customer"),
                "restaurant": _restaurant,
                "amount": _amount,
                "eta": _eta,
                "driver": _field("driver_id"),
                "flags": _field("flags"),
            },
            labels=("partner", "customer", "restaurant", "flagged"),
            # NEW is told only of one order: lists show what is in a table.
            statuses=tuple(each.value for each in OrderStatus if each is not OrderStatus.NEW),
            final=frozenset(each.value for each in ORDER_FINAL),
            newest_by="created_at",
        ),
        Kind(
            name="deliveries",
            one="delivery",
            service="delivery",
            path="/deliveries",
            key="delivery_id",
            cells={
                "delivery": _field("delivery_id"),
                "status": _field("status"),
                "age": _age("started_at"),
                "region": _field("region"),
                "driver": _field("driver_id"),
                "eta": _eta,
                "order": _field("order_id"),
                "flags": _field("flags"),
            },
            labels=("region", "flagged"),
            statuses=tuple(each.value for each in DeliveryStatus),
            final=frozenset(each.value for each in DELIVERY_FINAL),
            newest_by="started_at",
        ),
        Kind(
            name="drivers",
            one="driver",
            service="driver",
            path="/drivers",
            key="driver_id",
            cells={
                "driver": _field("driver_id"),
                "status": _field("status"),
                "region": _field("region"),
                "location": _field("location"),
                "heard": _age("heard_at"),
                "delivery": _of_driver,
            },
            labels=("region",),
            statuses=tuple(each.value for each in DriverStatus),
        ),
        Kind(
            name="regions",
            one="region",
            service="matcher",
            path="/regions",
            key="region",
            cells={
                "region": _field("region"),
                "waiting deliveries": _field("waiting_deliveries"),
                "available drivers": _field("available_drivers"),
                "open offers": _field("open_offers"),
                "changed": _age("changed_at"),
            },
        ),
        Kind(
            name="restaurants",
            one="restaurant",
            service="order",
            path="/restaurants",
            key="restaurant_id",
            cells={
                "restaurant": _field("restaurant_id"),
                "status": _field("status"),
                "until": _field("until"),
                "wall clock": _field("wall_clock"),
                "in hours": _field("is_in_hours"),
                "snoozed items": _count("snoozed"),
            },
            statuses=tuple(each.value for each in RestaurantStatus),
        ),
    )
}
