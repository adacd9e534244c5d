"""Drivers' phones that say at once what a driver is asked for, over Kafka.

What they say are the same commands that the driver service's front makes of what phones tell it.
"""

import asyncio
import logging
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec
from aiokafka import AIOKafkaConsumer

from infra.bench.clients import create_producer, open_tail
from infra.bench.orders import town, town_location

EVENTS, COMMANDS = "driver.events", "driver.commands"
EXIT_FAILED = 70

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many drivers, spread evenly over the towns."""

    drivers: int
    regions: int


class _DriverEvent(msgspec.Struct):
    type: str
    id: str
    driver_id: str
    order_id: str | None = None
    delivery_id: str | None = None


class Phones:
    """Follows what the driver service tells drivers, from now on."""

    def __init__(self, bootstrap: str, fleet: Fleet) -> None:
        self._fleet = fleet
        self._decoder = msgspec.json.Decoder(_DriverEvent)
        self._known: set[str] = set()
        self._available = [_availability(number, fleet) for number in range(fleet.drivers)]
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self._producer = create_producer(bootstrap)

    @property
    def are_known(self) -> bool:
        """True once the driver service knows all drivers."""
        return len(self._known) >= self._fleet.drivers

    async def __aenter__(self) -> Self:
        self._consumer = await open_tail(self._bootstrap, EVENTS)
        await self._producer.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._producer.stop()
        if self._consumer is not None:
            await self._consumer.stop()

    async def run(self) -> None:
        """Announces all drivers, and then answers for ever."""
        assert self._consumer is not None
        for number, command in enumerate(self._available):
            await self._say(driver_id(number), b"{%b" % command)
        while True:
            for records in (await self._consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    await self._hear(self._decoder.decode(record.value))

    async def _hear(self, event: _DriverEvent) -> None:
        match event.type:
            case "DriverBecameAvailable":
                self._known.add(event.driver_id)
            case "DeliveryOffered":
                await self._report(event, b"AcceptOffer")
            case "DeliveryAccepted":
                await self._report(event, b"ReportPickup")
                await self._report(event, b"ReportDropoff")
            case "GoodsDroppedOff":
                number = int(event.driver_id.rpartition("-")[2])
                head = b'{"id":"%b/available",' % event.id.encode()
                await self._say(event.driver_id, head + self._available[number])
            case _:
                pass

    async def _report(self, event: _DriverEvent, kind: bytes) -> None:
        await self._say(
            event.driver_id,
            b'{"id":"%b/%b","type":"%b","correlation_id":"%b","driver_id":"%b","delivery_id":"%b"}'
            % (
                event.id.encode(),
                kind,
                kind,
                str(event.order_id).encode(),
                event.driver_id.encode(),
                str(event.delivery_id).encode(),
            ),
        )

    async def _say(self, driver: str, command: bytes) -> None:
        acknowledged = await self._producer.send(COMMANDS, command, driver.encode())
        acknowledged.add_done_callback(_check)


def driver_id(number: int) -> str:
    """The name of a driver; numbers from 0."""
    return f"driver-{number}"


def _availability(number: int, fleet: Fleet) -> bytes:
    """What a driver says when free: the rest of a command's JSON, after its id."""
    region = number % fleet.regions
    location = town_location(region)
    return msgspec.json.encode(
        {
            "type": "SetAvailability",
            "driver_id": driver_id(number),
            "available": True,
            "region": town(region),
            "location": location,
        }
    )[1:]


def _check(acknowledged: "asyncio.Future[object]") -> None:
    """Ends the process when the log did not take a command: what follows would mean nothing."""
    if not acknowledged.cancelled() and (error := acknowledged.exception()) is not None:
        log.error("the log did not take a command: %r", error)
        os._exit(EXIT_FAILED)
