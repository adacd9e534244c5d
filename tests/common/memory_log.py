"""A log in memory, and a producer whose acknowledgements a test gives or withholds."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.common.codec import Language
from services.common.event_table import Appended
from services.common.kafka import partition_of
from services.common.log import Ack, told_by_writer
from services.common.telemetry import Headers

# 2030-01-01 in milliseconds; a record is a second younger than the one before it.
EPOCH_MS = 1_893_456_000_000


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as a consumer gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Iterable[tuple[str, bytes]] = ()


@dataclass(slots=True)
class MemoryLog:
    """Records by topic and partition."""

    partitions: int = 1
    records: dict[tuple[str, int], list[LogRecord]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None = None,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> int:
        """Puts a record at the end of a partition, by its key where none is named."""
        if partition is None:
            partition = partition_of((key or b"").decode("utf-8", "replace"), self.partitions)
        records = self.records[topic, partition]
        offset = len(records)
        at = EPOCH_MS + 1000 * offset
        records.append(LogRecord(topic, partition, offset, at, key, value, tuple(headers)))
        return offset

    def read(self, topic: str, partition: int = 0, start: int = 0) -> list[LogRecord]:
        """The records of a partition from an offset on."""
        return self.records[topic, partition][start:]

    def values(self, topic: str, partition: int = 0) -> list[bytes]:
        """What the records of a partition say."""
        return [record.value or b"" for record in self.read(topic, partition)]

    def events(self, language: Language, partition: int = 0, start: int = 0) -> list[Appended]:
        """The event log of a partition, decoded."""
        found = []
        for record in self.read(f"{language.owner}.events", partition, start):
            inputs, writer = told_by_writer(record)
            decoded = language.decode_event(record.value)
            found.append(
                Appended(record.offset, *decoded, record.value or b"", inputs, writer=writer)
            )
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log has put a record."""

    offset: int


class MemoryProducer:
    """Sends to a MemoryLog.

    Args:
        is_prompt: whether a record is acknowledged at once, or when `acknowledge` says so.
    """

    def __init__(self, log: MemoryLog, is_prompt: bool = True) -> None:
        self.log = log
        self.is_prompt = is_prompt
        self.waiting: deque[tuple[LogRecord, Ack]] = deque()

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Ack:
        """Takes a record; its place is known once it is acknowledged."""
        ack: Ack = asyncio.get_running_loop().create_future()
        if partition is None:
            partition = partition_of((key or b"").decode("utf-8", "replace"), self.log.partitions)
        self.waiting.append((LogRecord(topic, partition, -1, 0, key, value, headers or ()), ack))
        if self.is_prompt:
            self.acknowledge()
        return ack

    def acknowledge(self, count: int | None = None) -> None:
        """The next `count` records, or all, are in the log and known to be."""
        for _ in range(len(self.waiting) if count is None else min(count, len(self.waiting))):
            record, ack = self.waiting.popleft()
            offset = self._append(record)
            if not ack.done():
                ack.set_result(Place(offset))

    def fail(self, error: Exception) -> None:
        """The next record is refused for good."""
        _, ack = self.waiting.popleft()
        ack.set_exception(error)

    def crash(self, reached: int) -> None:
        """The process ends: the next `reached` records are in the log, though nobody knows."""
        for record, _ in list(self.waiting)[:reached]:
            self._append(record)
        self.waiting.clear()

    def _append(self, record: LogRecord) -> int:
        return self.log.append(
            record.topic, record.key, record.value, record.partition, record.headers
        )


def batches(records: Sequence[LogRecord], cuts: Iterable[int]) -> Iterable[Sequence[LogRecord]]:
    """The records in batches of these sizes, the rest in one."""
    start = 0
    for cut in cuts:
        if start >= len(records):
            return
        yield records[start : start + cut]
        start += cut
    if start < len(records):
        yield records[start:]
