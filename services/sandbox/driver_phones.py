"""The driver phones: one process that runs them all and a server to watch and disturb them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import httpx
from fastapi import FastAPI, Response

from services.sandbox.customers import Customers
from services.sandbox.driver import Driver
from services.sandbox.driver_service import DriverService, create_client
from services.sandbox.faults import FaultSwitch, PhoneFaults
from services.sandbox.geography import GeoPoint, random_point
from services.sandbox.locations import LocationOutbox, LocationPort
from services.sandbox.phone import Phone
from services.sandbox.problem import ProblemError
from services.sandbox.settings import Settings
from services.sandbox.web import create_web, json_answer

logger = logging.getLogger(__name__)


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
    outboxes: list[LocationOutbox] = []
    phones: dict[str, Phone] = {}
    for number in range(1, settings.driver_count + 1):
        driver_id = f"driver-{number}"
        start = random_point(random, centre, settings.region_spread_degrees)
        outbox = LocationOutbox(locations, settings.locations_buffered_max)
        outboxes.append(outbox)
        driver = Driver(driver_id, settings, faults, driver_service, customers)
        phones[driver_id] = Phone(driver_id, start, settings, random, faults, driver, outbox)
    tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await locations.start()
        for phone in phones.values():
            task = asyncio.create_task(phone.run(), name=phone.driver_id)
            task.add_done_callback(_log_failure)
            tasks.append(task)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for outbox in outboxes:
            await outbox.close()
        await locations.stop()
        await driver_client.aclose()
        await order_client.aclose()

    app = create_web(
        "Sandbox driver phones", lifespan, is_alive=lambda: not any(task.done() for task in tasks)
    )
    _add_routes(app, phones, faults)
    return app


def _add_routes(app: FastAPI, phones: dict[str, Phone], faults: FaultSwitch[PhoneFaults]) -> None:
    @app.get("/phones")
    async def get_phones() -> Response:
        return json_answer([phone.view() for phone in phones.values()])

    @app.get("/faults")
    async def get_faults() -> PhoneFaults:
        return faults.current

    @app.put("/faults")
    async def put_faults(body: PhoneFaults) -> PhoneFaults:
        if unknown := sorted(set(body.vanish) - phones.keys()):
            raise ProblemError(422, "unknown-driver", f"No phone has the id {unknown[0]}.")
        faults.current = body
        return body


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.error("The phone %s stopped", task.get_name(), exc_info=error)
