"""The driver service's front: what a driver's phone says and asks, and where drivers are."""

from dataclasses import dataclass
from typing import Annotated, Any
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
)
from services.common.decider import Row
from services.common.messages.driver import (
    DriverStatus,
    ReportDropoff,
    ReportPickup,
    SetAvailability,
)
from services.common.problem import ProblemError
from services.common.values import GeoPoint
from services.driver.domain import Driver


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether the driver takes work, in which region, and where the driver is."""

    available: bool
    region: str
    location: GeoPoint


@dataclass(frozen=True, slots=True)
class WorkedOn:
    """The delivery that a report is about."""

    delivery_id: str


def create_api(ports: Ports) -> FastAPI:
    """The front of one worker of the driver service."""
    api = create_base_api("Tiffin drivers", "The digital twins of drivers.", ports)

    @api.get("/drivers", tags=["drivers"])
    async def list_drivers(
        request: Request,
        status: DriverStatus | None = None,
        region: str | None = None,
        limit: Annotated[int, Query(description="1 to 500")] = 50,
        cursor: str | None = None,
    ) -> Response:
        """Drivers of all workers; `cursor` of one page begins the next."""
        labels = {"status": None if status is None else status.value, "region": region}
        return await list_rows(request, ports, labels, limit, cursor, driver_view)

    @api.get("/drivers/{driver_id}", tags=["drivers"])
    async def get_driver(request: Request, driver_id: str) -> Response:
        """One driver: status, place, delivery."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        return json_response(driver_view(driver_id, _known(ports, driver_id)))

    @api.put("/drivers/{driver_id}/availability", status_code=202, tags=["phones"])
    async def set_availability(
        request: Request,
        driver_id: str,
        availability: Availability,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The phone says whether the driver takes work; makes the driver known."""
        try:
            command = SetAvailability(
                driver_id, availability.available, availability.region, availability.location
            )
        except ValueError as error:
            raise ProblemError(422, str(error)) from error
        command_id = ids.derive(driver_id, f"availability/{idempotency_key or uuid4()}")
        with ports.front.admitted(f"driver {driver_id}"):
            await ports.front.send(command, command_id, incoming_trace(request))
        return _accepted(driver_id)

    @api.get("/drivers/{driver_id}/assigned-delivery", tags=["phones"])
    async def get_assigned_delivery(request: Request, driver_id: str) -> Response:
        """What the phone polls: the delivery to work on, or 204."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        row = ports.front.row(driver_id)
        if row is None or row.state.delivery is None:
            return Response(status_code=204)
        return json_response(row.state.delivery)

    @api.post("/drivers/{driver_id}/pickup", status_code=202, tags=["phones"])
    async def report_pickup(request: Request, driver_id: str, work: WorkedOn) -> Response:
        """The phone says that the goods are on board."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        _check_works_on(_known(ports, driver_id), work.delivery_id)
        command_id = ids.derive(driver_id, f"pickup/{work.delivery_id}")
        command = ReportPickup(driver_id, work.delivery_id)
        with ports.front.admitted(f"driver {driver_id}"):
            await ports.front.send(command, command_id, incoming_trace(request))
        return _accepted(driver_id)

    @api.post("/drivers/{driver_id}/dropoff", status_code=202, tags=["phones"])
    async def report_dropoff(request: Request, driver_id: str, work: WorkedOn) -> Response:
        """The phone says that the goods were handed over."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        _check_works_on(_known(ports, driver_id), work.delivery_id)
        command_id = ids.derive(driver_id, f"dropoff/{work.delivery_id}")
        command = ReportDropoff(driver_id, work.delivery_id)
        with ports.front.admitted(f"driver {driver_id}"):
            await ports.front.send(command, command_id, incoming_trace(request))
        return _accepted(driver_id)

    return api


def driver_view(driver_id: str, row: Row[Driver]) -> dict[str, Any]:
    """A driver as the front shows it."""
    shown = asdict(row.state)
    del shown["snapshot_at"]
    return {**shown, "version": row.version, "changed_at": row.changed_at}


def _known(ports: Ports, driver_id: str) -> Row[Driver]:
    row: Row[Driver] | None = ports.front.row(driver_id)
    if row is None:
        raise ProblemError(404, f"there is no driver {driver_id}")
    return row


def _check_works_on(row: Row[Driver], delivery_id: str) -> None:
    driver = row.state
    current = None if driver.delivery is None else driver.delivery.delivery_id
    if delivery_id not in (current, driver.last_delivery_id):
        raise ProblemError(409, f"{delivery_id} is not assigned to {driver.driver_id}")


def _accepted(driver_id: str) -> Response:
    return json_response({"driver_id": driver_id, "links": {"self": f"/drivers/{driver_id}"}}, 202)
