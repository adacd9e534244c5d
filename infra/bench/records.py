"""The records that all contenders fold: phones that say where their drivers are."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaProducer

from services.common import ids
from services.common.codec import encode_command
from services.common.decider import Envelope
from services.common.messages.driver import ReportLocation, SetAvailability
from services.common.values import GeoPoint

DRIVERS = 200
REPORT_SECONDS = 5
BEGIN_AT = datetime(2026, 1, 1, tzinfo=UTC)
ACKS_WAITING_MAX = 2_000

Keyed = tuple[str, bytes]


def introductions() -> Iterator[Keyed]:
    """Each driver says that it takes work, so that later reports of where it is are taken."""
    for number in range(DRIVERS):
        driver_id = _driver_id(number)
        command = SetAvailability(driver_id, True, f"region-{number % 8}", _location(number, 0))
        yield driver_id, encode_command(_envelope(driver_id, "introduction", command), command)


def reports(first: int, count: int) -> Iterator[Keyed]:
    """`count` reports, the drivers in turn; every report of a driver is later than the one before.

    Args:
        first: how many reports came before.
    """
    for serial in range(first, first + count):
        turn, number = divmod(serial, DRIVERS)
        driver_id = _driver_id(number)
        recorded_at = BEGIN_AT + timedelta(seconds=REPORT_SECONDS * turn)
        command = ReportLocation(driver_id, _location(number, turn), recorded_at)
        yield driver_id, encode_command(_envelope(driver_id, f"report/{turn}", command), command)


async def append(producer: AIOKafkaProducer, topic: str, records: Iterable[Keyed]) -> None:
    """Appends the records in order and returns when all are acknowledged."""
    acks = []
    for key, value in records:
        acks.append(await producer.send(topic, value, key.encode()))
        if len(acks) >= ACKS_WAITING_MAX:
            await asyncio.gather(*acks)
            acks.clear()
    await asyncio.gather(*acks)


def _driver_id(number: int) -> str:
    return f"driver-{number:04d}"


def _location(number: int, turn: int) -> GeoPoint:
    return GeoPoint(48.1 + number / 10_000 + turn % 50 / 100_000, 11.5 + number / 5_000)


def _envelope(driver_id: str, purpose: str, command: object) -> Envelope:
    command_id = ids.derive(driver_id, purpose)
    return Envelope(command_id, type(command).__name__, BEGIN_AT, command_id, driver_id)
