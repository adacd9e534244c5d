"""The tables of a query, and their columns: those of the fronts, and those of the event log."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from infra.look.records import COLUMNS
from infra.verify.entry import OWNERS
from services.common.masking import SECRET_FIELDS
from services.common.messages.driver import AssignedDelivery, OfferedDelivery
from services.delivery.domain import Delivery
from services.driver.domain import Driver
from services.order.domain import Order
from services.order.restaurant.state import Restaurant

Columns = Mapping[str, str]

PLAIN: Mapping[Any, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    str: "VARCHAR",
    datetime: "TIMESTAMPTZ",
}
VERSIONED: Columns = {"version": "BIGINT", "changed_at": "TIMESTAMPTZ"}


@dataclass(frozen=True, slots=True)
class LogTable:
    """A table of records: of these topics."""

    topics: tuple[str, ...]
    columns: Columns


@dataclass(frozen=True, slots=True)
class FrontTable:
    """A table of rows of a front; it has the name of their kind."""

    columns: Columns


def sql_type(hint: Any) -> str:
    """The type of a column that holds such a value as JSON tells it."""
    if get_origin(hint) is Annotated:
        return sql_type(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        (inner,) = (each for each in get_args(hint) if each is not NoneType)
        return sql_type(inner)
    if get_origin(hint) is tuple:
        return f"{sql_type(get_args(hint)[0])}[]"
    if hint in PLAIN:
        return PLAIN[hint]
    if issubclass(hint, StrEnum):
        return "VARCHAR"
    fields = ", ".join(f'"{name}" {kind}' for name, kind in columns_of_type(hint).items())
    return f"STRUCT({fields})"


def columns_of_type(state: type[Any]) -> dict[str, str]:
    """The columns of a struct or dataclass, one per field, without secrets.

    Where the customer is to name a code at the door, fronts of drivers say only that it is so.
    """
    hints = get_type_hints(state, include_extras=True)
    if issubclass(state, msgspec.Struct):
        names = [field.name for field in msgspec.structs.fields(state)]
    else:
        names = [field.name for field in dataclasses.fields(state)]
    columns = {name: sql_type(hints[name]) for name in names if name not in SECRET_FIELDS}
    if state in (AssignedDelivery, OfferedDelivery, Delivery):
        columns["requires_code"] = "BOOLEAN"
    return columns


def _without(columns: Columns, *names: str) -> dict[str, str]:
    return {name: kind for name, kind in columns.items() if name not in names}


def _log(*topics: str) -> LogTable:
    return LogTable(topics, COLUMNS)


TABLES: Mapping[str, FrontTable | LogTable] = {
    "orders": FrontTable(
        {
            **columns_of_type(Order),
            "code": "VARCHAR",
            "ready_at_local": "VARCHAR",
            **VERSIONED,
        }
    ),
    "deliveries": FrontTable({**columns_of_type(Delivery), **VERSIONED}),
    "drivers": FrontTable({**_without(columns_of_type(Driver), "snapshot_at"), **VERSIONED}),
    "regions": FrontTable(
        {
            "region": "VARCHAR",
            "waiting_deliveries": "BIGINT",
            "available_drivers": "BIGINT",
            "open_offers": "BIGINT",
            "changed_at": "TIMESTAMPTZ",
        }
    ),
    "restaurants": FrontTable(
        {
            **_without(columns_of_type(Restaurant), "snapshot_at"),
            "wall_clock": "VARCHAR",
            "is_in_hours": "BOOLEAN",
            **VERSIONED,
        }
    ),
    "ongoing": FrontTable(
        {
            "service": "VARCHAR",
            "aggregate": "VARCHAR",
            "key": "VARCHAR",
            "order_id": "VARCHAR",
            "status": "VARCHAR",
            "kind": "VARCHAR",
            "what": "VARCHAR",
            "why": "VARCHAR",
            "flag": "VARCHAR",
            "state": "VARCHAR",
            "at": "TIMESTAMPTZ",
            "target": "VARCHAR",
            "attempt": "BIGINT",
            "error": "VARCHAR",
        }
    ),
    **{f"{owner}_events": _log(f"{owner}.events") for owner in OWNERS},
    "order_calls": _log("order.calls"),
    "rejections": _log(*(f"{owner}.rejections" for owner in OWNERS)),
    "dead_letters": _log(*(f"{owner}.dead-letters" for owner in OWNERS)),
}
