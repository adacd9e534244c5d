"""The driver phones: one process that runs them all and a server to watch and disturb them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import httpx
from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict

from services.sandbox.customers import Customers
from services.sandbox.driver import Driver
from services.sandbox.driver_service import DriverService, create_client
from services.sandbox.faults import FaultSwitch, PhoneFaults
from services.sandbox.fleet import Fleet
from services.sandbox.geography import GeoPoint, random_point
from services.sandbox.locations import LocationOutbox, LocationPort
from services.sandbox.phone import Phone
from services.sandbox.problem import ProblemError
from services.sandbox.settings import Settings
from services.sandbox.web import create_web, json_answer


class DriverCount(BaseModel):
    """How many drivers are to be on duty."""

    model_config = ConfigDict(extra="forbid", strict=True)

    count: int


def create_phones(
    settings: Settings,
    random: Random,
    locations: LocationPort,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The control server's app; its lifespan runs the phones.

    Args:
        random: decides the start positions and whom the share faults strike.
        locations: where the phones' locations go.
        transport: carries the calls to the driver service and the order front; the network when
            None.

    Raises:
        ValueError: the faults in the settings are not valid.
    """
    faults = FaultSwitch(PhoneFaults.model_validate_json(settings.phones_faults), random)
    timeout_seconds = settings.driver_timeout_seconds
    driver_client = create_client(settings.driver_url, timeout_seconds, transport)
    order_client = create_client(settings.order_url, timeout_seconds, transport)
    driver_service, customers = DriverService(driver_client), Customers(order_client)
    centre = GeoPoint(settings.region_latitude, settings.region_longitude)

    def create(driver_id: str) -> tuple[Phone, LocationOutbox]:
        start = random_point(random, centre, settings.region_spread_degrees)
        outbox = LocationOutbox(locations, settings.locations_buffered_max)
        driver = Driver(driver_id, settings, faults, driver_service, customers)
        return Phone(driver_id, start, settings, random, faults, driver, outbox), outbox

    fleet = Fleet(create, settings.drivers_max)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await locations.start()
        fleet.set_count(settings.driver_count)
        yield
        await fleet.close()
        await locations.stop()
        await driver_client.aclose()
        await order_client.aclose()

    app = create_web("Sandbox driver phones", lifespan, is_alive=lambda: fleet.is_alive)
    _add_routes(app, fleet, faults)
    return app


def _add_routes(app: FastAPI, fleet: Fleet, faults: FaultSwitch[PhoneFaults]) -> None:
    @app.get("/phones")
    async def get_phones() -> Response:
        return json_answer([phone.view() for phone in fleet.phones])

    @app.get("/drivers")
    async def get_drivers() -> Response:
        return json_answer(fleet.view())

    @app.put("/drivers")
    async def put_drivers(body: DriverCount) -> Response:
        try:
            fleet.set_count(body.count)
        except ValueError as error:
            raise ProblemError(422, "invalid-request", f"body.{error}") from error
        return json_answer(fleet.view())

    @app.get("/faults")
    async def get_faults() -> PhoneFaults:
        return faults.current

    @app.put("/faults")
    async def put_faults(body: PhoneFaults) -> PhoneFaults:
        if unknown := sorted(each for each in body.vanish if not fleet.knows(each)):
            raise ProblemError(422, "unknown-driver", f"No phone has the id {unknown[0]}.")
        faults.current = body
        return body
