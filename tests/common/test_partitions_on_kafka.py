"""Partitions on a real broker: members come and go while commands flow, and nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import FastAPI

from infra.broker import LocalCluster
from services.common import kafka
from services.common.codec import Language, encode_command
from services.common.decider import Envelope, Row
from services.common.event_table import Appended
from services.common.settings import CommonSettings
from services.common.telemetry import EXIT_LOG_SKIPPED
from services.common.worker import ServiceParts, Worker
from tests.common import tally
from tests.common.deaths import Deaths, DiedError
from tests.common.kafka_topics import Topics, topics_of, unique
from tests.common.tally import Add, Tally

PARTITIONS = 4
KEYS = [f"key-{number}" for number in range(12)]


@dataclass(slots=True)
class Service:
    """A service of tallies with topics of its own, and what was asked of it."""

    settings: CommonSettings
    topics: Topics
    language: Language
    workers: dict[str, Worker] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """The name that the topics begin with."""
        return self.language.owner

    async def start(self, name: str) -> Worker:
        """Starts a worker; it joins the group."""
        worker = Worker(
            replace(self.settings, worker=name, advertised_url=f"http://{name}"),
            ServiceParts(
                language=self.language, decider=tally.decider(), create_api=lambda _: FastAPI()
            ),
        )
        self.workers[name] = worker
        await worker.run()
        return worker

    async def stop(self, name: str) -> None:
        """Stops a worker as a signal does; its partitions stay its own until its session ends."""
        await self.workers.pop(name).stop()

    async def send(self, amount: int = 1) -> None:
        """Sends a command for each key."""
        for key in KEYS:
            name = f"c{len(self.sent)}"
            envelope = Envelope(name, "Add", tally.EPOCH, name, name)
            value = encode_command(envelope, Add(key, amount))
            self.sent.append(name)
            await self.topics.producer.send(f"{self.owner}.commands", value, key.encode())

    async def send_until(self, end: asyncio.Event) -> None:
        """Sends without pause."""
        while not end.is_set():
            await self.send()
            await asyncio.sleep(0.005)

    async def until_owned(self, *names: str) -> None:
        """Waits until these workers have opened all partitions between them, each its share."""
        async with asyncio.timeout(30):
            while True:
                parts = [self.workers[name]._partitions for name in names]
                owned = [part.open_partitions for part in parts if part is not None]
                if sum(map(len, owned)) == PARTITIONS and all(owned) and len(owned) == len(names):
                    return
                await asyncio.sleep(0.02)

    async def until_committed(self) -> None:
        """Waits until the group has committed every command."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.bootstrap,
            group_id=self.owner,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            places = [TopicPartition(f"{self.owner}.commands", n) for n in range(PARTITIONS)]
            ends = await consumer.end_offsets(places)
            async with asyncio.timeout(30):
                for place in places:
                    while await consumer.committed(place) != ends[place]:
                        await asyncio.sleep(0.02)
        finally:
            await consumer.stop()

    async def log(self, partition: int) -> list[Appended]:
        """The event log of a partition."""
        reader = kafka.log_reader(self.settings)
        await reader.start()
        try:
            place = TopicPartition(f"{self.owner}.events", partition)
            reader.assign([place])
            end = (await reader.end_offsets([place]))[place]
            reader.seek(place, 0)
            found: list[Appended] = []
            while len(found) < end:
                for record in (await reader.getmany(place, timeout_ms=500)).get(place, []):
                    decoded = self.language.decode_event(record.value)
                    found.append(Appended(record.offset, *decoded, record.value))
            return found
        finally:
            await reader.stop()

    async def check(self) -> None:
        """Every command has its one event, and every table is the fold of its log."""
        logs = [await self.log(partition) for partition in range(PARTITIONS)]
        causes = Counter(each.envelope.causation_id for log in logs for each in log)
        assert sorted(causes) == sorted(self.sent)
        assert set(causes.values()) == {1}
        rows = {key: row for log in logs for key, row in tally.folded(log).items()}
        assert {key: row.state.total for key, row in rows.items()} == dict.fromkeys(
            KEYS, len(self.sent) // len(KEYS)
        )
        found: dict[str, Row[Tally]] = {}
        for worker in self.workers.values():
            assert worker._partitions is not None
            for partition in worker._partitions.open_partitions:
                found |= {each.key: each.row for each in worker.table[partition].listed({})}
                assert worker.table[partition].losers == 0
        assert found == rows


@asynccontextmanager
async def service(broker: LocalCluster, directory: Path) -> AsyncIterator[Service]:
    """A service with empty topics."""
    settings = CommonSettings(
        bootstrap=broker.bootstrap, data_dir=directory, records_per_batch_max=50, commit_seconds=0.1
    )
    async with topics_of(settings) as topics:
        owner = unique("tally")
        for name in ("commands", "events", "rejections", "dead-letters"):
            await topics.create(f"{owner}.{name}", PARTITIONS)
        made = Service(settings, topics, tally.language(owner))
        try:
            yield made
        finally:
            for name in list(made.workers):
                with suppress(DiedError):
                    await made.stop(name)


async def test_nothing_is_lost_or_doubled_while_members_come_and_go(
    broker: LocalCluster, tmp_path: Path, deaths: Deaths
) -> None:
    """Two join one after the other, one leaves, one comes back, and commands flow all the while."""
    async with service(broker, tmp_path) as s:
        await s.start("one")
        await s.until_owned("one")
        end = asyncio.Event()
        sending = asyncio.create_task(s.send_until(end))
        await asyncio.sleep(0.5)
        await s.start("two")
        await s.until_owned("one", "two")
        await s.start("three")
        await s.until_owned("one", "two", "three")
        await s.stop("two")
        await asyncio.sleep(0.3)
        await s.start("two")
        await s.until_owned("one", "two", "three")
        await s.stop("one")
        await s.until_owned("two", "three")
        await asyncio.sleep(0.3)
        end.set()
        await sending
        await s.topics.producer.flush()
        await s.until_committed()
        assert len(s.sent) > 500
        await s.check()
        assert deaths.reasons == []


async def test_a_partition_that_moves_is_drained_and_committed_first(
    broker: LocalCluster, tmp_path: Path, deaths: Deaths
) -> None:
    """The next owner reads no command that the last one has decided."""
    async with service(broker, tmp_path) as s:
        first = await s.start("one")
        await s.until_owned("one")
        for _ in range(20):
            await s.send()
        await s.topics.producer.flush()
        second = await s.start("two")
        await s.until_owned("one", "two")
        await s.until_committed()
        counts = [worker.counters.snapshot() for worker in (first, second)]
        assert sum(each.get("commands_accepted", 0) for each in counts) == len(s.sent)
        assert sum(each.get("commands_repeated", 0) for each in counts) == 0
        await s.check()
        assert deaths.reasons == []


async def test_a_worker_that_kept_its_table_folds_only_what_others_have_added(
    broker: LocalCluster, tmp_path: Path, deaths: Deaths
) -> None:
    """And one without a table folds it all."""
    async with service(broker, tmp_path) as s:
        await s.start("one")
        await s.until_owned("one")
        for _ in range(20):
            await s.send()
        await s.topics.producer.flush()
        await s.until_committed()
        await s.stop("one")
        again = await s.start("one")
        await s.until_owned("one")
        assert again.counters.snapshot()["events_recovered"] == 0
        await s.stop("one")
        s.settings = replace(s.settings, data_dir=tmp_path / "elsewhere")
        fresh = await s.start("one")
        await s.until_owned("one")
        assert fresh.counters.snapshot()["events_recovered"] == len(s.sent)
        await s.check()
        assert deaths.reasons == []


async def test_an_event_of_another_writer_ends_the_worker(
    broker: LocalCluster, tmp_path: Path, deaths: Deaths
) -> None:
    """It does not go on with a table that is no fold of the log; a restart folds it again."""
    async with service(broker, tmp_path) as s:
        worker = await s.start("one")
        await s.until_owned("one")
        await s.send()
        await s.topics.producer.flush()
        await s.until_committed()
        for partition in range(PARTITIONS):
            await s.topics.fill(
                f"{s.owner}.events", [tally.appended(0, tally.Added("zombie", 1), 1)], partition
            )
        await s.send()
        async with asyncio.timeout(10):
            while not deaths.codes:
                await asyncio.sleep(0.01)
        assert deaths.codes[0] == EXIT_LOG_SKIPPED
        assert "another writer" in deaths.reasons[0]
        assert worker._partitions is not None
        for pipeline in list(worker._partitions._pipelines.values()):
            with suppress(DiedError):
                await pipeline.stop()
        worker._partitions._pipelines.clear()
