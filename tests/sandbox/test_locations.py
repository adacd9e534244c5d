"""Locations on their way to Kafka: the record's form, and a connection that renews itself."""

import asyncio
from dataclasses import dataclass, field

import orjson
import pytest
from aiokafka.errors import (  # type: ignore[import-untyped, unused-ignore]
    KafkaConnectionError,
    OutOfOrderSequenceNumber,
)

from services.sandbox import locations
from services.sandbox.geography import GeoPoint
from services.sandbox.locations import KafkaLocations, LocationReport, LocationsUnavailableError

from .asgi import eventually

pytestmark = pytest.mark.asyncio

REPORT = LocationReport("driver-1", GeoPoint(37.0, -121.0), "2026-01-01T00:00:00.000000Z")


@dataclass
class FakeBroker:
    """Makes producers that fail to start or to send as often as told, and keeps their records."""

    failing_starts: int = 0
    failing_sends: int = 0
    records: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    stopped: int = 0

    def producer(self, **settings: object) -> "FakeProducer":
        """Stands in for AIOKafkaProducer."""
        assert settings["acks"] == "all"
        return FakeProducer(self)


@dataclass
class FakeProducer:
    """A producer of the fake broker; one that failed once fails for ever."""

    broker: FakeBroker
    is_broken: bool = False

    async def start(self) -> None:
        if self.broker.failing_starts > 0:
            self.broker.failing_starts -= 1
            raise KafkaConnectionError("no broker")

    async def send_and_wait(self, topic: str, key: bytes, value: bytes) -> None:
        if self.broker.failing_sends > 0:
            self.broker.failing_sends -= 1
            self.is_broken = True
        if self.is_broken:
            raise OutOfOrderSequenceNumber
        self.broker.records.append((topic, key, value))

    async def stop(self) -> None:
        self.broker.stopped += 1


async def send_until_taken(kafka: KafkaLocations) -> None:
    async def is_taken() -> bool:
        try:
            await kafka.send(REPORT)
        except LocationsUnavailableError:
            return False
        return True

    await eventually(is_taken)


async def test_a_record_has_its_documented_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is the driver id in UTF-8, the value a ReportLocation as JSON."""
    broker = FakeBroker()
    monkeypatch.setattr(locations, "AIOKafkaProducer", broker.producer)
    kafka = KafkaLocations("unused")
    await kafka.start()
    await send_until_taken(kafka)
    await kafka.stop()
    [(topic, key, value)] = broker.records
    assert (topic, key) == ("driver.locations", b"driver-1")
    content = orjson.loads(value)
    report_id = content.pop("id")
    assert content.pop("causation_id") == report_id
    assert content == {
        "type": "ReportLocation",
        "occurred_at": "2026-01-01T00:00:00.000000Z",
        "correlation_id": "driver-1",
        "driver_id": "driver-1",
        "location": {"latitude": 37.0, "longitude": -121.0},
        "recorded_at": "2026-01-01T00:00:00.000000Z",
    }
    assert broker.stopped == 1


async def test_the_connection_is_tried_until_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is not there yet is awaited, and a producer that broke is replaced."""
    broker = FakeBroker(failing_starts=3, failing_sends=1)
    monkeypatch.setattr(locations, "AIOKafkaProducer", broker.producer)
    monkeypatch.setattr(locations, "CONNECT_BACKOFF_SECONDS", 0.01)
    kafka = KafkaLocations("unused")
    await kafka.start()
    await send_until_taken(kafka)
    await kafka.stop()
    assert len(broker.records) == 1
    # Three that never started, one that broke, and the last one.
    assert broker.stopped == 5


async def test_stopping_ends_a_vain_attempt_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a broker, stop returns at once and nothing is left running."""
    broker = FakeBroker(failing_starts=1_000_000)
    monkeypatch.setattr(locations, "AIOKafkaProducer", broker.producer)
    kafka = KafkaLocations("unused")
    before = asyncio.all_tasks()
    await kafka.start()
    await asyncio.sleep(0.01)
    await asyncio.wait_for(kafka.stop(), 1)
    assert asyncio.all_tasks() == before
