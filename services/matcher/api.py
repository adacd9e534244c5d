"""The matcher's front: who waits for whom, by region."""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from services.common.api import Ports, create_base_api, json_response, list_rows
from services.common.decider import Row
from services.common.messages.matcher import WaitingDelivery
from services.common.problem import ProblemError
from services.matcher.domain import Region


def create_api(ports: Ports) -> FastAPI:
    """The front of one worker of the matcher."""
    api = create_base_api("Tiffin matcher", "Who waits for whom, by region.", ports)

    @api.get("/regions", tags=["regions"])
    async def list_regions(
        request: Request,
        limit: Annotated[int, Query(description="1 to 500")] = 50,
        cursor: str | None = None,
    ) -> Response:
        """Regions of all workers; `cursor` of one page begins the next."""
        return await list_rows(request, ports, {}, limit, cursor, region_summary)

    @api.get("/regions/{region}", tags=["regions"])
    async def get_region(request: Request, region: str) -> Response:
        """One region: waiting deliveries, available drivers, open offers, longest first."""
        if answer := await ports.peers.owner_answers(request, region):
            return answer
        row = ports.front.row(region)
        if row is None:
            raise ProblemError(404, f"no delivery or driver has named the region {region}")
        return json_response(region_view(region, row))

    return api


def region_summary(region: str, row: Row[Region]) -> dict[str, Any]:
    """A region in a list: how many wait."""
    state = row.state
    return {
        "region": region,
        "waiting_deliveries": len(state.waiting),
        "available_drivers": len(state.available),
        "open_offers": len(state.offers),
        "changed_at": row.changed_at,
    }


def region_view(region: str, row: Row[Region]) -> dict[str, Any]:
    """A region whole, but for what is to be named at the doors."""
    state = row.state
    return {
        "region": region,
        "waiting": [_delivery_view(each) for each in state.waiting],
        "available": tuple(state.available),
        "offers": [
            {"delivery": _delivery_view(each.delivery), "driver": each.driver}
            for each in state.offers
        ],
        "version": row.version,
        "changed_at": row.changed_at,
    }


def _delivery_view(delivery: WaitingDelivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "order_id": delivery.order_id,
        "pickup": delivery.pickup,
        "dropoff": delivery.dropoff,
        "excluded": delivery.excluded,
        "requires_code": delivery.code is not None,
    }
