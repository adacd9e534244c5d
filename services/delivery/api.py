"""The delivery service's front: where each delivery is."""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from msgspec.structs import asdict

from services.common.api import Ports, create_base_api, json_response, list_rows
from services.common.decider import Row
from services.common.problem import ProblemError
from services.delivery.domain import Delivery, DeliveryStatus


def create_api(ports: Ports) -> FastAPI:
    """The front of one worker of the delivery service."""
    api = create_base_api("Tiffin deliveries", "Where each delivery is.", ports)

    @api.get("/deliveries", tags=["deliveries"])
    async def list_deliveries(
        request: Request,
        status: DeliveryStatus | None = None,
        region: str | None = None,
        limit: Annotated[int, Query(description="1 to 500")] = 50,
        cursor: str | None = None,
    ) -> Response:
        """Deliveries of all workers, newest first; `cursor` of one page begins the next."""
        labels = {"status": None if status is None else status.value, "region": region}
        return await list_rows(request, ports, labels, limit, cursor, delivery_view)

    @api.get("/deliveries/{delivery_id}", tags=["deliveries"])
    async def get_delivery(request: Request, delivery_id: str) -> Response:
        """One delivery: status, driver, ETA."""
        if answer := await ports.peers.owner_answers(request, delivery_id):
            return answer
        row = ports.front.row(delivery_id)
        if row is None:
            raise ProblemError(404, f"there is no delivery {delivery_id}")
        return json_response(delivery_view(delivery_id, row))

    return api


def delivery_view(delivery_id: str, row: Row[Delivery]) -> dict[str, Any]:
    """A delivery as its front shows it."""
    return {**asdict(row.state), "version": row.version, "changed_at": row.changed_at}
