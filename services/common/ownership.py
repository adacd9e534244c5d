"""Who owns which partition: read from the description of the consumer group, where the truth is."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from services.common import clock
from services.common.telemetry import log

FRESH_SECONDS = 1.0


class Ownership:
    """The workers of one service by partition; a worker's client id is the URL of its front."""

    def __init__(self, admin: AIOKafkaAdminClient, group: str, topic: str) -> None:
        self._admin = admin
        self._group = group
        self._topic = topic
        self._owners: dict[int, str] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def owners(self, fresh: bool = False) -> dict[int, str]:
        """URL by partition, at most FRESH_SECONDS old; a partition with no owner is missing."""
        async with self._lock:
            if fresh or clock.monotonic() - self._read_at > FRESH_SECONDS:
                try:
                    self._owners = await self._read()
                    self._read_at = clock.monotonic()
                except (KafkaError, TimeoutError, OSError) as error:
                    log.warning("the group %s can't be described: %r", self._group, error)
            return self._owners

    async def _read(self) -> dict[int, str]:
        owners: dict[int, str] = {}
        for response in await self._admin.describe_consumer_groups([self._group]):
            for group in response.groups:
                for _, client_id, _, _, assignment in group[5]:
                    if not assignment:
                        continue
                    decoded = ConsumerProtocolMemberAssignment.decode(assignment)
                    for topic, partitions in decoded.assignment:
                        if topic == self._topic:
                            owners |= dict.fromkeys(partitions, client_id)
        return owners
