"""How far the feed has read what was in the log before it began."""

from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition

from services.web.log_feed import LOCATIONS, LogFeed
from services.web.settings import Settings
from services.web.stream import Hub
from services.web.world import World

EVENTS, PLACES = TopicPartition("order.events", 0), TopicPartition(LOCATIONS, 0)


class Consumer:
    """Tells where the partitions begin and end."""

    async def beginning_offsets(self, places: Sequence[TopicPartition]) -> dict[Any, int]:
        """The log was cut."""
        return dict.fromkeys(places, 100)

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[Any, int]:
        """So many records are there."""
        return dict.fromkeys(places, 300)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Reads from there."""


async def test_the_share_that_is_read_grows_from_nothing_to_all() -> None:
    """Locations are read from now, and count for nothing; what came later neither."""
    settings = Settings()
    feed = LogFeed(settings, World(settings), Hub(9, 9, 9))
    assert feed.read_share == 0.0
    consumer: Any = Consumer()
    await feed._begin(consumer, [EVENTS, PLACES])
    assert (feed.read_share, feed.is_live) == (0.0, False)
    feed._positions[EVENTS] = 150
    assert feed.read_share == 0.25
    feed._positions[EVENTS] = 400
    assert feed.read_share == 1.0
    await feed._begin(consumer, [EVENTS, PLACES])
    feed._positions[EVENTS] = 200
    assert feed.read_share == 0.5
    feed.is_live = True
    assert feed.read_share == 1.0
