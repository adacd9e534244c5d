"""Restaurants over HTTP: who takes orders when, and what a restaurant is out of."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import uuid4

from fastapi import FastAPI, Header, Query, Request, Response
from msgspec.structs import asdict

from services.common import clock, ids
from services.common.api import Ports, incoming_trace, json_response, list_rows, refuse_now
from services.common.codec import encode_plain
from services.common.decider import Row
from services.common.messages.restaurant import (
    ConfigureRestaurant,
    OpeningHours,
    RestaurantCommand,
    RestaurantStatus,
    RestoreItem,
    SetRestaurantStatus,
    SnoozeItem,
)
from services.common.problem import ProblemError
from services.common.values import check_identifier, check_text
from services.order.restaurant.hours import is_open, wall_clock
from services.order.restaurant.state import Restaurant, snoozed_at

T = TypeVar("T")
IdempotencyKey = Annotated[str | None, Header()]


@dataclass(frozen=True, slots=True)
class Configuration:
    """The IANA name of the zone, the opening hours, and the limits of a restaurant."""

    zone: str
    hours: tuple[OpeningHours, ...] = ()
    preparation_seconds: int | None = None
    accept_seconds_max: int | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """Whether the restaurant takes orders, until an instant or until it says otherwise."""

    status: RestaurantStatus
    busy_seconds: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snooze:
    """How long the restaurant is out of an item; until it says otherwise, where nothing is said."""

    until: datetime | None = None


def add_routes(api: FastAPI, ports: Ports) -> None:
    """Adds the restaurants to the front; `ports` are those of the restaurants' own worker."""
    _add_questions(api, ports)

    @api.put("/restaurants/{restaurant_id}", status_code=202, tags=["restaurants"])
    async def configure(
        request: Request,
        restaurant_id: str,
        configuration: Configuration,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Sets the zone, the opening hours and the limits, all at once."""

        def command() -> ConfigureRestaurant:
            return ConfigureRestaurant(
                restaurant_id,
                configuration.zone,
                configuration.hours,
                configuration.preparation_seconds,
                configuration.accept_seconds_max,
            )

        return await _take(ports, request, restaurant_id, command, idempotency_key)

    @api.put("/restaurants/{restaurant_id}/status", status_code=202, tags=["restaurants"])
    async def set_status(
        request: Request,
        restaurant_id: str,
        change: StatusChange,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The restaurant takes orders or not; a busy one does, and cooks longer."""

        def command() -> SetRestaurantStatus:
            return SetRestaurantStatus(
                restaurant_id, change.status, change.busy_seconds, change.until
            )

        return await _take(ports, request, restaurant_id, command, idempotency_key)

    # An item's name may hold slashes.
    snoozes = "/restaurants/{restaurant_id}/items/{item:path}/snooze"

    @api.put(snoozes, status_code=202, tags=["restaurants"])
    async def snooze_item(
        request: Request,
        restaurant_id: str,
        item: str,
        snooze: Snooze | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The restaurant is out of an item, named as orders name it."""
        _check("path/item", lambda: check_text("item", item))
        until = None if snooze is None else snooze.until

        def command() -> SnoozeItem:
            return SnoozeItem(restaurant_id, item, until)

        return await _take(ports, request, restaurant_id, command, idempotency_key)

    @api.delete(snoozes, status_code=202, tags=["restaurants"])
    async def restore_item(
        request: Request,
        restaurant_id: str,
        item: str,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """The restaurant has an item again."""
        _check("path/item", lambda: check_text("item", item))

        def command() -> RestoreItem:
            return RestoreItem(restaurant_id, item)

        return await _take(ports, request, restaurant_id, command, idempotency_key)


def _add_questions(api: FastAPI, ports: Ports) -> None:
    @api.get("/restaurants", tags=["restaurants"])
    async def list_restaurants(
        request: Request,
        status: RestaurantStatus | None = None,
        limit: Annotated[int, Query(description="1 to 500")] = 50,
        cursor: str | None = None,
    ) -> Response:
        """Restaurants of all workers; `cursor` of one page begins the next."""
        labels = {"status": None if status is None else status.value}
        return await list_rows(request, ports, labels, limit, cursor, restaurant_view)

    @api.get("/restaurants/{restaurant_id}", tags=["restaurants"])
    async def get_restaurant(request: Request, restaurant_id: str) -> Response:
        """One restaurant: status, zone, hours, limits, and what it is out of."""
        if answer := await ports.peers.owner_answers(request, restaurant_id):
            return answer
        row = ports.front.row(restaurant_id)
        if row is None:
            raise ProblemError(404, f"nothing is known of a restaurant {restaurant_id}")
        return json_response(restaurant_view(restaurant_id, row))


def restaurant_view(restaurant_id: str, row: Row[Restaurant]) -> dict[str, Any]:
    """A restaurant as the front shows it, with what the clock on its wall shows."""
    state, now = row.state, clock.now()
    shown = {name: value for name, value in asdict(state).items() if name != "snapshot_at"}
    wall = wall_clock(state.zone, now)
    return {
        **shown,
        "snoozed": snoozed_at(state, now),
        "wall_clock": None if wall is None else wall.isoformat(timespec="seconds"),
        "is_in_hours": is_open(state.hours, state.zone, now),
        "version": row.version,
        "changed_at": row.changed_at,
        "links": _links(restaurant_id),
    }


async def _take(
    ports: Ports,
    request: Request,
    restaurant_id: str,
    make: Callable[[], RestaurantCommand],
    idempotency_key: str | None,
) -> Response:
    """The answer to a command: 202 once it is in the log.

    What is said with one Idempotency-Key counts once; without one, each request counts.
    """
    _check("path/restaurant_id", lambda: check_identifier("restaurant_id", restaurant_id))
    command = _check("body", make)
    if answer := await ports.peers.owner_answers(request, restaurant_id):
        return answer
    digest = hashlib.sha256(encode_plain(command)).hexdigest()
    purpose = f"{type(command).__name__}/{digest}/{idempotency_key or uuid4()}"
    command_id = ids.derive(restaurant_id, purpose)
    refuse_now(ports, command, command_id)
    with ports.front.admitted(f"restaurant {restaurant_id}"):
        await ports.front.send(command, command_id, incoming_trace(request))
    links = _links(restaurant_id)
    return json_response(
        {"restaurant_id": restaurant_id, "links": links}, 202, {"Location": links["self"]}
    )


def _check(place: str, make: Callable[[], T]) -> T:
    """What `make` returns.

    Raises:
        ProblemError: 422, where the content is refused.
    """
    try:
        return make()
    except ValueError as error:
        raise ProblemError(422, f"{place}: {error}") from error


def _links(restaurant_id: str) -> dict[str, str]:
    return {"self": f"/restaurants/{restaurant_id}"}
