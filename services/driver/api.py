"""The driver service's front: what a driver's phone says and asks, and where drivers are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import uuid4

from fastapi import FastAPI, Header, Query, Request, Response

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
from services.common.messages.driver import (
    AcceptOffer,
    AssignedDelivery,
    DriverCommand,
    DriverStatus,
    GiveUpDelivery,
    RejectOffer,
    ReportDropoff,
    ReportFailure,
    ReportPickup,
    ReportReturn,
    SetAvailability,
)
from services.common.problem import ProblemError
from services.common.values import GeoPoint, check_identifier
from services.driver.domain import Driver, DriverLimits
from services.driver.views import driver_view, without_code, work_view

Command = TypeVar("Command", bound=DriverCommand)
Report = AcceptOffer | RejectOffer | GiveUpDelivery | ReportPickup | ReportFailure | ReportReturn


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

    def __post_init__(self) -> None:
        check_identifier("delivery_id", self.delivery_id)


@dataclass(frozen=True, slots=True)
class Declined(WorkedOn):
    """The offered delivery that the driver does not want, and why."""

    reason: str = "no reason given"


@dataclass(frozen=True, slots=True)
class Explained(WorkedOn):
    """The delivery that does not go well, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class DroppedOff(WorkedOn):
    """The delivery that was handed over, and the code that the customer has named."""

    code: str | None = None


def create_api(ports: Ports, wrong_codes_max: int = DriverLimits().wrong_codes_max) -> FastAPI:
    """The front of one worker of the driver service."""
    api = create_base_api("Tiffin drivers", "The digital twins of drivers.", ports)
    _add_lists(api, ports)
    _add_offers(api, ports)
    _add_work(api, ports, wrong_codes_max)
    _add_dropoff(api, ports, wrong_codes_max)
    return api


def _add_lists(api: FastAPI, ports: Ports) -> None:
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
        """One driver: status, place, offer, delivery."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        return json_response(driver_view(driver_id, _known(ports, driver_id)))


def _add_offers(api: FastAPI, ports: Ports) -> None:
    @api.put("/drivers/{driver_id}/availability", status_code=202, tags=["phones"])
    async def set_availability(
        request: Request,
        driver_id: str,
        availability: Availability,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The phone says whether the driver takes work; makes the driver known."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        command = _valid(
            lambda: SetAvailability(
                driver_id, availability.available, availability.region, availability.location
            )
        )
        command_id = ids.derive(driver_id, f"availability/{idempotency_key or uuid4()}")
        return await _sent(request, ports, command, command_id)

    @api.get("/drivers/{driver_id}/offer", tags=["phones"])
    async def get_offer(request: Request, driver_id: str) -> Response:
        """What the phone polls: the delivery that the driver is asked to take, or 204."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        row: Row[Driver] | None = ports.front.row(driver_id)
        if row is None or row.state.offer is None:
            return Response(status_code=204)
        return json_response(without_code(row.state.offer))

    @api.post("/drivers/{driver_id}/offer/accept", status_code=202, tags=["phones"])
    async def accept_offer(request: Request, driver_id: str, work: WorkedOn) -> Response:
        """The driver takes the delivery; 409 once the offer is gone."""
        return await _reported(request, ports, "accept", AcceptOffer(driver_id, work.delivery_id))

    @api.post("/drivers/{driver_id}/offer/reject", status_code=202, tags=["phones"])
    async def reject_offer(request: Request, driver_id: str, work: Declined) -> Response:
        """The driver does not take the delivery, and waits for another one."""
        command = _valid(lambda: RejectOffer(driver_id, work.delivery_id, work.reason))
        return await _reported(request, ports, "reject", command)


def _add_work(api: FastAPI, ports: Ports, wrong_codes_max: int) -> None:
    @api.get("/drivers/{driver_id}/assigned-delivery", tags=["phones"])
    async def get_assigned_delivery(request: Request, driver_id: str) -> Response:
        """What the phone polls: the delivery to work on, or 204."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        row: Row[Driver] | None = ports.front.row(driver_id)
        if row is None or row.state.delivery is None:
            return Response(status_code=204)
        return json_response(work_view(row.state.delivery, wrong_codes_max))

    @api.post("/drivers/{driver_id}/pickup", status_code=202, tags=["phones"])
    async def report_pickup(request: Request, driver_id: str, work: WorkedOn) -> Response:
        """The phone says that the goods are on board."""
        return await _reported(request, ports, "pickup", ReportPickup(driver_id, work.delivery_id))

    @api.post("/drivers/{driver_id}/give-up", status_code=202, tags=["phones"])
    async def give_up(request: Request, driver_id: str, work: Explained) -> Response:
        """The driver does not bring the delivery, and has not picked it up."""
        command = _valid(lambda: GiveUpDelivery(driver_id, work.delivery_id, work.reason))
        return await _reported(request, ports, "give-up", command)

    @api.post("/drivers/{driver_id}/delivery-failed", status_code=202, tags=["phones"])
    async def report_failure(request: Request, driver_id: str, work: Explained) -> Response:
        """Nobody takes the goods; the driver takes them back."""
        command = _valid(lambda: ReportFailure(driver_id, work.delivery_id, work.reason))
        return await _reported(request, ports, "failed", command)

    @api.post("/drivers/{driver_id}/returned", status_code=202, tags=["phones"])
    async def report_return(request: Request, driver_id: str, work: WorkedOn) -> Response:
        """The restaurant has the goods back."""
        command = ReportReturn(driver_id, work.delivery_id)
        return await _reported(request, ports, "returned", command)


def _add_dropoff(api: FastAPI, ports: Ports, wrong_codes_max: int) -> None:
    @api.post("/drivers/{driver_id}/dropoff", status_code=202, tags=["phones"])
    async def report_dropoff(request: Request, driver_id: str, work: DroppedOff) -> Response:
        """The phone says that the goods were handed over; 409 where the code is not right."""
        if answer := await ports.peers.owner_answers(request, driver_id):
            return answer
        row = _known(ports, driver_id)
        delivery = _assigned(row.state, work.delivery_id)
        # Where no code is asked for, a wrong one of before does not make this a repeat of it.
        code = None if delivery is not None and delivery.code is None else work.code
        command = _valid(lambda: ReportDropoff(driver_id, work.delivery_id, code))
        command_id = _command_id(row.state, work.delivery_id, f"dropoff/{code}")
        answer = await _sent(request, ports, command, command_id)
        if delivery is not None and delivery.code != code:
            counted = delivery.wrong_codes + (command_id not in row.recent)
            left = max(0, wrong_codes_max - counted)
            raise ProblemError(409, f"wrong_code: that is not the code; {left} more are taken")
        return answer


async def _reported(request: Request, ports: Ports, name: str, command: Report) -> Response:
    """The answer to a report of a driver about one delivery."""
    if answer := await ports.peers.owner_answers(request, command.driver_id):
        return answer
    row = _known(ports, command.driver_id)
    command_id = _command_id(row.state, command.delivery_id, name)
    return await _sent(request, ports, command, command_id)


async def _sent(
    request: Request, ports: Ports, command: DriverCommand, command_id: str
) -> Response:
    driver_id = command.driver_id
    order_id = _order_id(ports, driver_id, getattr(command, "delivery_id", None))
    refuse_now(ports, command, command_id)
    with ports.front.admitted(f"driver {driver_id}"):
        await ports.front.send(command, command_id, incoming_trace(request), order_id)
    return json_response({"driver_id": driver_id, "links": {"self": f"/drivers/{driver_id}"}}, 202)


def _order_id(ports: Ports, driver_id: str, delivery_id: str | None) -> str | None:
    """The order of a delivery that the driver has, or is offered."""
    row: Row[Driver] | None = ports.front.row(driver_id)
    if row is None or delivery_id is None:
        return None
    for work in (row.state.delivery, row.state.offer):
        if work is not None and work.delivery_id == delivery_id:
            return work.order_id
    return None


def _command_id(driver: Driver, delivery_id: str, name: str) -> str:
    """The id of a report; the same when the phone repeats it.

    A delivery may come to a driver a second time: what is said then is no repeat.
    """
    occasion = ""
    if driver.offer is not None and driver.offer.delivery_id == delivery_id:
        occasion = driver.offer.expires_at.isoformat()
    elif _assigned(driver, delivery_id) is not None and driver.assigned_at is not None:
        occasion = driver.assigned_at.isoformat()
    return ids.derive(driver.driver_id, f"{delivery_id}/{occasion}/{name}")


def _assigned(driver: Driver, delivery_id: str) -> AssignedDelivery | None:
    work = driver.delivery
    return work if work is not None and work.delivery_id == delivery_id else None


def _valid(make: Callable[[], Command]) -> Command:
    """The command that a body makes.

    Raises:
        ProblemError: 422, with what is wrong.
    """
    try:
        return make()
    except ValueError as error:
        raise ProblemError(422, str(error)) from error


def _known(ports: Ports, driver_id: str) -> Row[Driver]:
    row: Row[Driver] | None = ports.front.row(driver_id)
    if row is None:
        raise ProblemError(404, f"there is no driver {driver_id}")
    return row
