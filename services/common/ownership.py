"""Who owns which partition: read from the description of the consumer group, where the truth is."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError, for_code

from services.common import clock
from services.common.telemetry import log

FRESH_SECONDS = 1.0
# A front answers within a second, also when Kafka does not answer at all.
READ_SECONDS_MAX = 0.1


class Ownership:
    """The workers of one service by partition; a worker's client id is the URL of its front."""

    def __init__(self, admin: AIOKafkaAdminClient, group: str, topic: str) -> None:
        self._admin = admin
        self._group = group
        self._topic = topic
        self._owners: dict[int, str] = {}
        self._last_owners: dict[int, str] = {}  # of each partition that ever had one
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._patience_ends_at = 0.0

    async def owners(self, fresh: bool = False) -> dict[int, str]:
        """URL by partition; a partition with no owner is missing.

        At most FRESH_SECONDS old where Kafka answers within READ_SECONDS_MAX; else each partition
        has the owner that it last had, as no partition changes hands while Kafka is away.
        """
        now = clock.monotonic()
        if self._reading is None and (fresh or now - self._read_at > FRESH_SECONDS):
            self._reading = asyncio.create_task(self._refresh())
            self._patience_ends_at = now + READ_SECONDS_MAX
        if self._reading is not None:
            patience_seconds = max(0.0, self._patience_ends_at - now)
            _, late = await asyncio.wait({self._reading}, timeout=patience_seconds)
            if late:
                return self._last_owners
        return self._owners

    async def _refresh(self) -> None:
        try:
            self._owners = await self._read()
            self._last_owners = self._last_owners | self._owners
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("the group %s can't be described: %r", self._group, error)
            self._owners = self._last_owners
        finally:
            self._read_at = clock.monotonic()
            self._reading = None

    async def _read(self) -> dict[int, str]:
        owners: dict[int, str] = {}
        for response in await self._admin.describe_consumer_groups([self._group]):
            for group in response.groups:
                if group[0]:
                    raise for_code(group[0])(group[1])
                for _, client_id, _, _, assignment in group[5]:
                    if not assignment:
                        continue
                    decoded = ConsumerProtocolMemberAssignment.decode(assignment)
                    for topic, partitions in decoded.assignment:
                        if topic == self._topic:
                            owners |= dict.fromkeys(partitions, client_id)
        return owners
