"""The delivery service's front: where each delivery is, and what operators do about it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import FastAPI, Header, Query, Request, Response
from msgspec.structs import asdict

from services.common import ids
from services.common.api import (
    Ports,
    create_base_api,
    incoming_trace,
    json_response,
    list_rows,
    refuse_now,
)
from services.common.decider import Row
from services.common.messages.delivery import (
    DeliveryCommand,
    ReassignDelivery,
    WaiveCode,
    WriteOffDelivery,
)
from services.common.problem import ProblemError
from services.delivery.domain import Delivery, DeliveryStatus

Key = Annotated[str | None, Header()]


@dataclass(frozen=True, slots=True)
class Reassignment:
    """The driver that is taken off the delivery, and why."""

    driver_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why an operator does it."""

    reason: str


def create_api(ports: Ports) -> FastAPI:
    """The front of one worker of the delivery service."""
    api = create_base_api("Tiffin deliveries", "Where each delivery is.", ports)

    @api.get("/deliveries", tags=["deliveries"])
    async def list_deliveries(
        request: Request,
        status: DeliveryStatus | None = None,
        region: str | None = None,
        flagged: Literal["true"] | None = None,
        limit: Annotated[int, Query(description="1 to 500")] = 50,
        cursor: str | None = None,
    ) -> Response:
        """Deliveries of all workers, newest first; `cursor` of one page begins the next.

        `flagged=true` lists those that operators are to look at.
        """
        labels = {
            "status": None if status is None else status.value,
            "region": region,
            "flagged": flagged,
        }
        return await list_rows(request, ports, labels, limit, cursor, delivery_view)

    @api.get("/deliveries/{delivery_id}", tags=["deliveries"])
    async def get_delivery(request: Request, delivery_id: str) -> Response:
        """One delivery: status, driver, ETA."""
        if answer := await ports.peers.owner_answers(request, delivery_id):
            return answer
        return json_response(delivery_view(delivery_id, _known(ports, delivery_id)))

    @api.post("/deliveries/{delivery_id}/reassign", status_code=202, tags=["operators"])
    async def reassign(
        request: Request, delivery_id: str, body: Reassignment, idempotency_key: Key = None
    ) -> Response:
        """Takes the delivery from its driver, for another one.

        Goods on board are fetched from where the driver was last seen.
        """
        create = partial(ReassignDelivery, delivery_id, body.driver_id, body.reason)
        return await _take(ports, request, delivery_id, idempotency_key, create)

    @api.post("/deliveries/{delivery_id}/write-off", status_code=202, tags=["operators"])
    async def write_off(
        request: Request, delivery_id: str, body: Grounds, idempotency_key: Key = None
    ) -> Response:
        """Gives up on goods that do not come back."""
        create = partial(WriteOffDelivery, delivery_id, body.reason)
        return await _take(ports, request, delivery_id, idempotency_key, create)

    @api.post("/deliveries/{delivery_id}/waive-code", status_code=202, tags=["operators"])
    async def waive_code(
        request: Request, delivery_id: str, body: Grounds, idempotency_key: Key = None
    ) -> Response:
        """Lets the goods be handed over without a code."""
        create = partial(WaiveCode, delivery_id, body.reason)
        return await _take(ports, request, delivery_id, idempotency_key, create)

    return api


def delivery_view(delivery_id: str, row: Row[Delivery]) -> dict[str, Any]:
    """A delivery as its front shows it: nothing that could be named at the door."""
    shown = asdict(row.state)
    code = shown.pop("code")
    return {
        **shown,
        "requires_code": code is not None,
        "version": row.version,
        "changed_at": row.changed_at,
    }


async def _take(
    ports: Ports,
    request: Request,
    delivery_id: str,
    idempotency_key: str | None,
    create: Callable[[], DeliveryCommand],
) -> Response:
    """The answer to what an operator wants: 202 once it is in the log."""
    if answer := await ports.peers.owner_answers(request, delivery_id):
        return answer
    order_id = _known(ports, delivery_id).state.order_id
    try:
        command = create()
    except ValueError as error:
        raise ProblemError(422, str(error)) from error
    purpose = f"{type(command).__name__}/{idempotency_key or uuid4()}"
    command_id = ids.derive(delivery_id, purpose)
    with ports.front.admitted("operator"):
        refuse_now(ports, command, command_id)
        await ports.front.send(command, command_id, incoming_trace(request), order_id)
    links = {"self": f"/deliveries/{delivery_id}"}
    return json_response({"delivery_id": delivery_id, "links": links}, 202)


def _known(ports: Ports, delivery_id: str) -> Row[Delivery]:
    row: Row[Delivery] | None = ports.front.row(delivery_id)
    if row is None:
        raise ProblemError(404, f"there is no delivery {delivery_id}")
    return row
