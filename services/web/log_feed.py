"""Reads all topics from their beginning, then live, into the world and out to the viewers."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.common import clock
from services.common.catalogue import catalogue
from services.common.kafka import admin, log_reader
from services.common.log import Record
from services.common.telemetry import log
from services.web.records import read
from services.web.settings import Settings
from services.web.stream import Hub
from services.web.world import World

LOCATIONS = "driver.locations"
READ_MILLISECONDS = 500
RECORDS_PER_READ_MAX = 500


class LogFeed:
    """The one reader of the log; it goes on where it was when Kafka comes back."""

    def __init__(self, settings: Settings, world: World, hub: Hub) -> None:
        self._settings = settings
        self._world = world
        self._hub = hub
        self._positions: dict[TopicPartition, int] = {}
        self._old_until: dict[TopicPartition, int] = {}
        self._began: dict[TopicPartition, int] = {}  # where the first read began
        self.is_live = False

    @property
    def read_share(self) -> float:
        """How much is read of what was in the log when the feed began, from 0 to 1."""
        done = sum(
            min(self._positions.get(place, 0), end) - self._began[place]
            for place, end in self._old_until.items()
        )
        whole = sum(end - self._began[place] for place, end in self._old_until.items())
        if self.is_live or whole == 0:
            return float(self.is_live)
        return max(0.0, min(1.0, done / whole))

    async def run(self) -> None:
        """Reads until it is cancelled."""
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, TimeoutError) as error:
                self.is_live = False
                log.warning("the log can't be read: %r; trying again", error)
            except Exception:
                # The feed goes on after that record: one that breaks the fold hides no other.
                log.exception("a record could not be taken")
            await asyncio.sleep(self._settings.feed_backoff_seconds)

    def take(self, record: Record) -> None:
        """One record; viewers are shown it where it was not there before the feed began."""
        taken = read(record)
        if taken is None:
            return
        self._world.take(taken)
        place = TopicPartition(record.topic, record.partition)
        if record.offset < self._old_until.get(place, 0):
            return
        order_id = self._world.order_of(taken)
        kept = None if order_id is None else self._world.kept(order_id)
        restaurant_id = taken.named("restaurant_id")
        if restaurant_id is None and kept is not None and kept.order is not None:
            restaurant_id = kept.order.restaurant.restaurant_id
        self._hub.publish(taken, clock.now(), order_id, restaurant_id)

    async def _read(self) -> None:
        consumer = log_reader(self._settings)
        await consumer.start()
        try:
            places = await _places(self._settings)
            if not places:
                return
            consumer.assign(places)
            await self._begin(consumer, places)
            while True:
                fetched = await consumer.getmany(
                    timeout_ms=READ_MILLISECONDS, max_records=RECORDS_PER_READ_MAX
                )
                for place, records in fetched.items():
                    for record in records:
                        self._positions[place] = record.offset + 1
                        self.take(record)
                if not self.is_live and self._has_caught_up():
                    self.is_live = True
                    # Who came before was shown only what had been read by then.
                    self._hub.renew()
                await asyncio.sleep(0)
        finally:
            await consumer.stop()

    def _has_caught_up(self) -> bool:
        return all(self._positions.get(place, 0) >= end for place, end in self._old_until.items())

    async def _begin(self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> None:
        """Each partition from where it was left; a new one from its begin, locations from now."""
        begins = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        for place in places:
            if place not in self._old_until:
                self._old_until[place] = ends[place]
            start = ends[place] if place.topic == LOCATIONS else begins[place]
            left = self._positions.get(place, start)
            # A log that was made anew or cut is read from where it is.
            left = left if begins[place] <= left <= ends[place] else begins[place]
            self._began.setdefault(place, left)
            self._positions[place] = left
            consumer.seek(place, left)


async def _places(settings: Settings) -> list[TopicPartition]:
    """All partitions of the catalogue's topics; none while one of these is not there yet."""
    client = admin(settings)
    try:
        await client.start()
        described = await client.describe_topics(list(catalogue()))
    finally:
        await client.close()
    counts = {each["topic"]: len(each["partitions"]) for each in described}
    if not all(counts.get(topic) for topic in catalogue()):
        return []
    return [
        TopicPartition(topic, number) for topic in catalogue() for number in range(counts[topic])
    ]
