"""The command loop: append, then apply, then commit; whatever comes in, and whatever crashes."""

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common import ids
from services.common.codec import COMMAND_BYTES_MAX, encode_command
from services.common.command_loop import Limits, Pipeline
from services.common.decider import Envelope, Row
from services.common.event_table import TablePartition
from services.common.kafka import partition_of
from services.common.log import Appender, told_by_writer
from services.common.messages.shared import CommandRejected, DeadLetter
from services.common.telemetry import (
    EXIT_APPEND_FAILED,
    EXIT_LOG_SKIPPED,
    EXIT_TABLE_FAILED,
    Counters,
)
from tests.common import tally
from tests.common.deaths import Deaths, DiedError
from tests.common.memory_log import LogRecord, MemoryLog, MemoryProducer, Place, batches
from tests.common.tally import Add, Break, Derail, Inflate, TakeTallySnapshot, Tally

INPUT = "tally.commands"
EVENTS = "tally.events"
LANGUAGE = tally.language()


@dataclass(slots=True)
class Bench:
    """A pipeline on a log in memory and a table on disk."""

    log: MemoryLog
    producer: MemoryProducer
    table: TablePartition[Tally]
    pipeline: Pipeline[Tally]
    counters: Counters
    changes: list[Mapping[str, Row[Tally]]] = field(default_factory=list)

    async def take(self, *commands: Any, cuts: Iterable[int] = ()) -> None:
        """Puts commands in the input topic and has the pipeline take them."""
        start = len(self.log.read(INPUT))
        for command in commands:
            put(self.log, command)
        for batch in batches(self.log.read(INPUT, 0, start), cuts):
            await self.pipeline.take(INPUT, batch)

    async def take_raw(self, key: bytes | None, value: bytes | None) -> LogRecord:
        """Has the pipeline take a record of these bytes; returns it once that is done with."""
        offset = self.log.append(INPUT, key, value, 0, [("traceparent", b"x"), ("h", b"\xff")])
        record = self.log.read(INPUT)[offset]
        await self.pipeline.take(INPUT, [record])
        assert await self.pipeline.drain(5)
        return record

    def events(self) -> list[Any]:
        """What the event log says."""
        return [each.event for each in self.log.events(LANGUAGE)]

    def total(self, key: str) -> int | None:
        """The total that the table has."""
        row = self.table.row(key)
        return None if row is None else row.state.total

    def dead_letters(self) -> list[DeadLetter]:
        """What was put aside."""
        values = self.log.values("tally.dead-letters")
        return [msgspec.json.decode(value, type=DeadLetter) for value in values]

    def rejections(self) -> list[CommandRejected]:
        """What was refused."""
        values = self.log.values("tally.rejections")
        return [msgspec.json.decode(value, type=CommandRejected) for value in values]


def put(
    log: MemoryLog,
    command: Any,
    command_id: str | None = None,
    source: str | None = None,
    source_version: int | None = None,
    topic: str = INPUT,
) -> int:
    """Puts a command in an input topic under its key."""
    name = command_id or f"{topic}-{len(log.read(topic))}"
    at = datetime(2030, 1, 1, tzinfo=UTC)
    envelope = Envelope(
        name, type(command).__name__, at, name, name, source=source, source_version=source_version
    )
    key = command.tally_id.encode()
    return log.append(topic, key, encode_command(envelope, command), 0)


@asynccontextmanager
async def bench(
    directory: Path,
    log: MemoryLog | None = None,
    is_prompt: bool = True,
    limits: Limits | None = None,
) -> AsyncIterator[Bench]:
    """A pipeline that begins at the start of its input, its table folded to the end of the log."""
    log = log or MemoryLog()
    producer = MemoryProducer(log, is_prompt)
    table = TablePartition(directory, tally.decider())
    tail = log.events(LANGUAGE, 0, table.position.next_offset)
    if tail:
        table.apply(tail)
    changes: list[Mapping[str, Row[Tally]]] = []
    counters = Counters()
    pipeline: Pipeline[Tally] = Pipeline(
        0,
        log.partitions,
        table,
        LANGUAGE,
        tally.decider(),
        Appender("tally", producer),
        lambda _, rows: changes.append(rows),
        counters,
        limits or Limits(append_seconds_max=5.0, steps_in_flight_max=8),
    )
    pipeline.start_at(INPUT, 0)
    try:
        yield Bench(log, producer, table, pipeline, counters, changes)
    finally:
        with suppress(DiedError):  # the test has seen it
            await pipeline.stop()
        table.close()


async def replay(b: Bench, committed: int) -> None:
    """Takes what was not committed and is not settled, as after a restart."""
    start = max(committed, b.pipeline.settled(INPUT))
    b.pipeline.start_at(INPUT, start)
    records = b.log.read(INPUT, 0, start)
    if records:
        await b.pipeline.take(INPUT, records)
    assert await b.pipeline.drain(5)


async def settle() -> None:
    """Lets everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_accepted_command_is_one_event(tmp_path: Path) -> None:
    """In the log and in the table, with what it follows from."""
    async with bench(tmp_path) as b:
        await b.take(Add("a", 3))
        assert await b.pipeline.drain(5)
        (each,) = b.log.events(LANGUAGE)
        assert each.event == tally.Added("a", 3)
        assert each.envelope == Envelope(
            id=ids.derive(f"{INPUT}-0", "event"),
            type="Added",
            occurred_at=datetime(2030, 1, 1, tzinfo=UTC),
            causation_id=f"{INPUT}-0",
            correlation_id=f"{INPUT}-0",
            version=1,
        )
        assert b.log.read(EVENTS)[0].key == b"a"
        assert b.total("a") == 3
        assert b.changes == [{"a": b.table.row("a")}]
        assert b.pipeline.committable() == {INPUT: 1}


async def test_nothing_is_applied_or_committable_before_the_acknowledgement(tmp_path: Path) -> None:
    """Append, then apply, then commit."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", 3), Add("a", 4), cuts=[1, 1])
        await settle()
        assert (b.total("a"), b.pipeline.committable(), b.changes) == (None, {INPUT: 0}, [])
        b.producer.acknowledge(1)
        await settle()
        assert (b.total("a"), b.pipeline.committable()) == (3, {INPUT: 1})
        b.producer.acknowledge()
        await settle()
        assert (b.total("a"), b.pipeline.committable()) == (7, {INPUT: 2})


async def test_a_step_without_events_waits_for_the_steps_before_it(tmp_path: Path) -> None:
    """The offset of a repeat is not committed before that of an earlier command."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", 3), Add("a", 0), cuts=[1, 1])
        await settle()
        assert b.pipeline.committable() == {INPUT: 0}
        b.producer.acknowledge()
        await settle()
        assert b.pipeline.committable() == {INPUT: 2}


async def test_commands_are_decided_on_the_state_in_flight(tmp_path: Path) -> None:
    """The second command sees the event of the first, which nobody has acknowledged yet."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", 3), Add("a", -3), Add("a", 9), Add("a", -10), cuts=[1, 1, 1, 1])
        b.producer.acknowledge()
        assert await b.pipeline.drain(5)
        assert [each.amount for each in b.events()] == [3, -3, 9]
        assert [each.envelope.version for each in b.log.events(LANGUAGE)] == [1, 2, 3]
        assert [each.reason for each in b.rejections()] == ["below_zero"]
        assert b.total("a") == 9


async def test_the_state_in_flight_outlives_the_acknowledgement_of_an_earlier_event(
    tmp_path: Path,
) -> None:
    """Between two acknowledgements, the third command is decided on the second event."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", 1), Add("a", 2), cuts=[1, 1])
        b.producer.acknowledge(1)
        await settle()
        await b.take(Add("a", 4))
        b.producer.acknowledge()
        assert await b.pipeline.drain(5)
        assert [each.envelope.version for each in b.log.events(LANGUAGE)] == [1, 2, 3]
        assert b.total("a") == 7


async def test_a_refused_command_is_published_with_its_reason(tmp_path: Path) -> None:
    """Under its key, caused by the command, and done with only when the log has it."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", -1))
        await settle()
        assert b.pipeline.committable() == {INPUT: 0}
        b.producer.acknowledge()
        assert await b.pipeline.drain(5)
        (rejection,) = b.rejections()
        assert (rejection.causation_id, rejection.key) == (f"{INPUT}-0", "a")
        assert (rejection.command_type, rejection.reason) == ("Add", "below_zero")
        assert b.log.read("tally.rejections")[0].key == b"a"
        assert (b.events(), b.pipeline.committable()) == ([], {INPUT: 1})


async def test_an_event_waits_for_what_earlier_commands_led_to(tmp_path: Path) -> None:
    """So an event in the log says that nothing before it is to be decided again."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", -1))
        later = asyncio.create_task(b.take(Add("b", 1), Add("b", 0), Add("b", 1)))
        await settle()
        assert (len(b.producer.waiting), later.done()) == (1, False)
        b.producer.acknowledge()
        await settle()
        b.producer.acknowledge()
        assert await b.pipeline.drain(5)
        assert [told_by_writer(record)[0] for record in b.log.read(EVENTS)] == [
            {INPUT: 2},
            {INPUT: 4},
        ]
        assert b.pipeline.settled(INPUT) == 4
        assert b.table.position.inputs == {INPUT: 4}


async def test_a_refused_command_stays_refused_after_a_crash(tmp_path: Path) -> None:
    """It is not decided again on a state that came later, though its offset was not committed."""
    log = MemoryLog()
    async with bench(tmp_path, log, is_prompt=False) as b:
        await b.take(Add("a", -1))
        b.producer.acknowledge()
        await b.take(Add("a", 5))
        b.producer.crash(1)
    async with bench(tmp_path, log) as b:
        assert b.pipeline.settled(INPUT) == 2
        await replay(b, 0)
        assert (b.total("a"), len(b.rejections())) == (5, 1)


async def test_a_repeat_yields_nothing(tmp_path: Path) -> None:
    """By id for commands from outside, by the sender's version for others; in flight or applied."""
    async with bench(tmp_path, is_prompt=False) as b:
        put(b.log, Add("a", 1), "same")
        put(b.log, Add("a", 1), "same")
        put(b.log, Add("a", 2), "x", "other/1", 5)
        put(b.log, Add("a", 2), "y", "other/1", 5)
        put(b.log, Add("a", 2), "z", "other/1", 4)
        put(b.log, Add("a", 4), "w", "other/1", 6)
        await b.pipeline.take(INPUT, b.log.read(INPUT))
        b.producer.acknowledge()
        assert await b.pipeline.drain(5)
        for command_id, version in (("same", None), ("y", 5), ("w", 6)):
            source = None if version is None else "other/1"
            put(b.log, Add("a", 100), command_id, source, version)
        await b.pipeline.take(INPUT, b.log.read(INPUT, 0, 6))
        assert await b.pipeline.drain(5)
        assert [each.amount for each in b.events()] == [1, 2, 4]
        assert b.counters.snapshot()["commands_repeated"] == 6
        assert b.pipeline.committable() == {INPUT: 9}


async def test_a_snapshot_command_writes_the_row_with_its_memory(tmp_path: Path) -> None:
    """A fold that begins there knows the state and what was applied; an unknown key has none."""
    async with bench(tmp_path) as b:
        put(b.log, Add("a", 5, "green"), "x", "other/1", 7)
        put(b.log, TakeTallySnapshot("a"))
        put(b.log, TakeTallySnapshot("nobody"))
        await b.pipeline.take(INPUT, b.log.read(INPUT))
        assert await b.pipeline.drain(5)
        assert len(b.events()) == 2
        last = b.log.events(LANGUAGE)[1]
        fresh = tally.folded([last])["a"]
        known = b.table.row("a")
        assert known is not None
        assert (fresh.state, fresh.version) == (known.state, 2)
        assert fresh.sources == {"other/1": 7}


BAD_VALUES = [
    (b"a", b"not json", "not a JSON object"),
    (b"a", b"\xff\xfe", "not a JSON object"),
    (b"a", b"[1]", "schema"),
    (b"a", b"{}", "type"),
    (b"a", b'{"type":"Unheard"}', "unknown type 'Unheard'"),
    (b"a", b'{"type":"Added","tally_id":"a","amount":1}', "unknown type 'Added'"),
    (b"a", b'{"type":"Add","tally_id":"a"}', "amount"),
    (b"a", b'{"type":"Add","tally_id":"a","amount":"1"}', "amount"),
    (b"a", b'{"type":"Add","tally_id":"a","amount":5000}', "from -1000 to 1000"),
    (b"a/b", b'{"type":"Add","tally_id":"a/b","amount":1}', "tally_id is 1 to 64"),
    (b"b", b'{"type":"Add","tally_id":"a","amount":1}', "key is b'b'"),
    (b"\xff", b'{"type":"Add","tally_id":"a","amount":1}', "key is"),
    (b"a", None, "no value"),
    (None, None, "no value"),
    (b"a", b"", "not a JSON object"),
    (b"a", b'{"type":"Add","tally_id":"a","amount":1,"id":"' + b"i" * 201 + b'"}', "id"),
    (b"a", b'{"type":"Add","tally_id":"a","amount":1,"source":"x"}', "source"),
    (
        b"a",
        b'{"type":"Add","tally_id":"a","amount":1,"source":"x","source_version":'
        + b"9" * 30
        + b"}",
        "source_version",
    ),
    (b"a", b'{"type":"Add","tally_id":"a","amount":1,"id":"\\ud800"}', "not a JSON object"),
    (b"a", b'{"type":"Add","tally_id":"a","x":' + b"[" * 5000, "not a JSON object"),
    (b"a", b'{"type":"Add"' + b" " * (2 << 20) + b"}", f"at most {COMMAND_BYTES_MAX}"),
    (b"k" * 2_000_000, b"not json", "not a JSON object"),
    (b"a", b'{"type":"Break","tally_id":"a"}', "decide is broken"),
    (b"a", b'{"type":"Derail","tally_id":"a"}', "evolve is broken"),
    (b"a", b'{"type":"Inflate","tally_id":"a","size":900000}', "at most 900000"),
]


@pytest.mark.parametrize(("key", "value", "reason"), BAD_VALUES)
async def test_a_bad_record_is_put_aside_and_the_loop_goes_on(
    tmp_path: Path, deaths: Deaths, key: bytes | None, value: bytes | None, reason: str
) -> None:
    """With the reason, where it lay and its own bytes, from which it can be replayed."""
    async with bench(tmp_path) as b:
        record = await b.take_raw(key, value)
        await b.take(Add("a", 1))
        assert await b.pipeline.drain(5)
        (letter,) = b.dead_letters()
        assert reason in letter.reason
        assert (letter.source_topic, letter.source_partition, letter.source_offset) == (INPUT, 0, 0)
        assert original(letter.key, letter.key_base64) == record.key
        assert original(letter.value, letter.value_base64) == record.value
        assert [(h.name, base64.b64decode(h.value_base64)) for h in letter.headers] == [
            ("traceparent", b"x"),
            ("h", b"\xff"),
        ]
        assert len(b.log.values("tally.dead-letters")[0]) < 8 << 20
        assert (b.total("a"), b.pipeline.committable()) == (1, {INPUT: 2})
        assert b.events() == [tally.Added("a", 1)]
        assert deaths.codes == []


def original(text: str | None, in_base64: str | None) -> bytes | None:
    """The bytes that a dead letter keeps."""
    if in_base64 is not None:
        return base64.b64decode(in_base64)
    return None if text is None else text.encode()


async def test_the_biggest_record_that_a_topic_takes_fits_a_dead_letter(tmp_path: Path) -> None:
    """Key, value and headers of 4 MB together, each as long as it can be."""
    async with bench(tmp_path) as b:
        await b.take_raw(b"\x01" * 4_000_000, b"x")
        await b.take_raw(b"\x01" * 262_144, b"\xff" * 3_900_000)
        await b.take_raw(b"k", b"\x01" * 262_144)
        for record in b.log.read("tally.dead-letters"):
            assert len(record.key or b"") + len(record.value or b"") < 8 << 20


async def test_a_put_aside_record_keeps_its_identity_when_it_is_put_aside_again(
    tmp_path: Path,
) -> None:
    """A replay writes the same dead letter, to be told apart from another."""
    async with bench(tmp_path) as b:
        record = await b.take_raw(b"a", b"bad")
        await b.take_raw(b"a", b"bad")
        b.pipeline.start_at(INPUT, 0)
        await b.pipeline.take(INPUT, [record])
        assert await b.pipeline.drain(5)
        first, other, again = b.dead_letters()
        assert first == again
        assert first.id != other.id


async def test_a_command_without_id_is_known_by_its_place(tmp_path: Path) -> None:
    """So that reading it twice counts once."""
    value = orjson.dumps({"type": "Add", "tally_id": "a", "amount": 1})
    async with bench(tmp_path) as b:
        record = await b.take_raw(b"a", value)
        await b.take_raw(b"a", value)
        b.pipeline.start_at(INPUT, 0)
        await b.pipeline.take(INPUT, [record])
        assert await b.pipeline.drain(5)
        assert b.total("a") == 2


async def test_a_misplaced_record_is_forwarded_under_its_right_key(tmp_path: Path) -> None:
    """Without key, or in another partition than its key's; it is decided where it belongs."""
    log = MemoryLog(partitions=4)
    here = next(key for key in "abcdef" if partition_of(key, 4) == 0)
    elsewhere = next(key for key in "abcdef" if partition_of(key, 4) == 3)
    async with bench(tmp_path, log) as b:
        for key, of in ((None, elsewhere), (elsewhere, elsewhere), (None, here)):
            value = orjson.dumps({"type": "Add", "tally_id": of, "amount": 1, "id": f"{key}{of}"})
            await b.take_raw(None if key is None else key.encode(), value)
        forwarded = [*b.log.read(INPUT, 0, 3), *b.log.read(INPUT, 3)]
        assert [record.key for record in forwarded] == [
            here.encode(),
            elsewhere.encode(),
            elsewhere.encode(),
        ]
        assert [LANGUAGE.decode_command(r.value, "", tally.EPOCH)[0].id for r in forwarded] == [
            f"None{here}",
            f"None{elsewhere}",
            f"{elsewhere}{elsewhere}",
        ]
        assert [tuple(record.headers) for record in forwarded] == [
            (("traceparent", b"x"), ("h", b"\xff"))
        ] * 3
        assert b.events() == []
        assert b.pipeline.committable() == {INPUT: 3}
        await b.pipeline.take(INPUT, b.log.read(INPUT, 0, 3))
        assert await b.pipeline.drain(5)
        assert b.total(here) == 1


async def test_a_forwarded_record_without_id_counts_once_however_often_it_is_read(
    tmp_path: Path,
) -> None:
    """Its id is of the place where it lay first."""
    async with bench(tmp_path) as b:
        record = await b.take_raw(None, orjson.dumps({"type": "Add", "tally_id": "a", "amount": 1}))
        b.pipeline.start_at(INPUT, 0)
        await b.pipeline.take(INPUT, [record])
        await b.pipeline.take(INPUT, b.log.read(INPUT, 0, 1))
        assert await b.pipeline.drain(5)
        assert b.total("a") == 1


async def test_a_gap_in_the_input_ends_the_process(tmp_path: Path, deaths: Deaths) -> None:
    """A record that was skipped is never passed over, in a batch or between two."""
    async with bench(tmp_path) as b:
        for number in range(4):
            put(b.log, Add("a", number + 1))
        records = b.log.read(INPUT)
        with pytest.raises(DiedError):
            await b.pipeline.take(INPUT, [records[0], records[2]])
        with pytest.raises(DiedError):
            await b.pipeline.take(INPUT, [records[3]])
        assert deaths.codes == [EXIT_LOG_SKIPPED] * 2
        assert b.pipeline.committable() == {INPUT: 0}


async def test_inputs_are_counted_apart(tmp_path: Path) -> None:
    """Each topic has its own next offset and its own committable one."""
    async with bench(tmp_path) as b:
        b.pipeline.start_at("tally.more", 7)
        put(b.log, Add("a", 1))
        record = b.log.read(INPUT)[0]
        more = LogRecord("tally.more", 0, 7, record.timestamp, record.key, record.value)
        await b.pipeline.take("tally.more", [more])
        assert await b.pipeline.drain(5)
        assert b.pipeline.committable() == {INPUT: 0, "tally.more": 8}
        assert (b.pipeline.next_offset(INPUT), b.pipeline.next_offset("tally.more")) == (0, 8)


async def test_a_failed_append_ends_the_process(tmp_path: Path, deaths: Deaths) -> None:
    """Nothing of it is in the table and nothing is committable, also of what came later."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", 1), Add("b", 1), cuts=[1, 1])
        b.producer.fail(RuntimeError("out of order"))
        b.producer.acknowledge()
        await settle()
        assert deaths.codes == [EXIT_APPEND_FAILED]
        assert (b.total("a"), b.total("b"), b.pipeline.committable()) == (None, None, {INPUT: 0})


async def test_a_failed_rejection_or_dead_letter_ends_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """A refusal is never lost."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", -1))
        b.producer.fail(RuntimeError("too large"))
        await settle()
        assert (deaths.codes, b.pipeline.committable()) == ([EXIT_APPEND_FAILED], {INPUT: 0})


async def test_an_acknowledgement_that_does_not_come_ends_the_process(
    tmp_path: Path, deaths: Deaths
) -> None:
    """After the named limit."""
    limits = Limits(append_seconds_max=0.05)
    async with bench(tmp_path, is_prompt=False, limits=limits) as b:
        await b.take(Add("a", 1))
        await asyncio.sleep(0.15)
        assert deaths.codes == [EXIT_APPEND_FAILED]
        assert "1 of 1" in deaths.reasons[0]


@pytest.mark.parametrize("offset", [-1, 1, 5])
async def test_an_event_at_another_place_than_expected_ends_the_process(
    tmp_path: Path, deaths: Deaths, offset: int
) -> None:
    """Another writer is at work, or the log can't say where it has put the event."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", 1))
        b.producer.waiting[0][1].set_result(Place(offset))
        await settle()
        assert deaths.codes == [EXIT_LOG_SKIPPED]
        assert (b.total("a"), b.pipeline.committable()) == (None, {INPUT: 0})


async def test_a_table_that_fails_ends_the_process(
    tmp_path: Path, deaths: Deaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that is in the log and not in the table is folded after the restart."""

    def full(_: object) -> dict[str, Row[Tally]]:
        raise OSError("no space left on device")

    async with bench(tmp_path) as b:
        monkeypatch.setattr(b.table, "apply", full)
        await b.take(Add("a", 1))
        await settle()
        assert (deaths.codes, b.pipeline.committable()) == ([EXIT_TABLE_FAILED], {INPUT: 0})


async def test_a_full_pipeline_holds_its_input_back(tmp_path: Path) -> None:
    """It says that it is full, and what is taken all the same waits."""
    async with bench(tmp_path, is_prompt=False, limits=Limits(5.0, steps_in_flight_max=2)) as b:
        await b.take(Add("a", 1), Add("a", 1), cuts=[1, 1])
        await settle()
        await b.take(Add("a", 1))
        assert b.pipeline.is_full
        late = asyncio.create_task(b.take(Add("a", 1)))
        await settle()
        assert not late.done()
        b.producer.acknowledge(1)
        await settle()
        assert late.done()
        b.producer.acknowledge()
        assert await b.pipeline.drain(5)
        assert not b.pipeline.is_full
        assert b.total("a") == 4


async def test_drain_waits_for_all_that_was_taken(tmp_path: Path) -> None:
    """And says so when the time is up."""
    async with bench(tmp_path, is_prompt=False) as b:
        assert await b.pipeline.drain(0.01)
        await b.take(Add("a", 1))
        assert not await b.pipeline.drain(0.01)
        b.producer.acknowledge()
        assert await b.pipeline.drain(5)
        assert b.total("a") == 1


async def test_a_stopped_pipeline_applies_nothing_more(tmp_path: Path) -> None:
    """An acknowledgement that comes late changes neither table nor offsets."""
    async with bench(tmp_path, is_prompt=False) as b:
        await b.take(Add("a", 1))
        await b.pipeline.stop()
        b.producer.acknowledge()
        await settle()
        assert (b.total("a"), b.pipeline.committable()) == (None, {INPUT: 0})
        await b.pipeline.stop()


Put = tuple[Any, str | None, int | None]


@st.composite
def inputs(draw: st.DrawFn) -> list[Put]:
    """Commands of all kinds, with repeats by id and by the sender's version, and bad ones."""
    wanted: list[Put] = []
    for _ in range(draw(st.integers(1, 20))):
        key = draw(st.sampled_from("abc"))
        kinds: list[Any] = [Add(key, draw(st.integers(-3, 5)))] * 8
        kinds += [Break(key), Derail(key), TakeTallySnapshot(key), Inflate(key, 900_000)]
        command = draw(st.sampled_from(kinds))
        repeated = draw(st.none() | st.sampled_from(["x", "y", "z"]))
        version = draw(st.integers(1, 5)) if repeated == "z" else None
        wanted.append((command, repeated, version))
    return wanted


@dataclass(frozen=True, slots=True)
class Life:
    """One run of a worker: how it reads, what is acknowledged, and how it ends."""

    cuts: list[int]
    acknowledged: list[int]
    reached: int
    commits: bool
    forgets_table: bool


lives = st.builds(
    Life,
    cuts=st.lists(st.integers(1, 5), max_size=5),
    acknowledged=st.lists(st.integers(0, 4), max_size=5),
    reached=st.integers(0, 6),
    commits=st.booleans(),
    forgets_table=st.booleans(),
)


def filled(wanted: Sequence[Put]) -> MemoryLog:
    """A log whose input holds these commands."""
    log = MemoryLog()
    for command, repeated, version in wanted:
        source = None if version is None else "other/1"
        put(log, command, None if repeated is None else f"same-{repeated}", source, version)
    return log


async def live(log: MemoryLog, directory: Path, committed: int, life: Life) -> int:
    """Runs until the crash; returns the committed offset that it leaves behind."""
    async with bench(directory, log, is_prompt=False) as b:
        start = max(committed, b.pipeline.settled(INPUT))
        b.pipeline.start_at(INPUT, start)
        acknowledged = iter(life.acknowledged)
        for batch in batches(log.read(INPUT, 0, start), life.cuts):
            if b.pipeline.is_full:
                break
            taking = asyncio.create_task(b.pipeline.take(INPUT, batch))
            await settle()
            b.producer.acknowledge(next(acknowledged, 0))
            await settle()
            if not taking.done():
                taking.cancel()
                break
        if life.commits:
            committed = b.pipeline.committable()[INPUT]
        b.producer.crash(life.reached)
        return committed


async def finish(log: MemoryLog, directory: Path, committed: int) -> dict[str, Row[Tally]]:
    """Runs undisturbed to the end of the input; returns the table."""
    async with bench(directory, log) as b:
        await replay(b, committed)
        rows = {key: b.table.row(key) for key in "abc"}
        return {key: row for key, row in rows.items() if row is not None}


@given(inputs(), st.lists(lives, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_crash_at_any_point_leaves_the_log_of_an_undisturbed_run(
    wanted: list[Put], crashes: list[Life]
) -> None:
    """Event for event, whatever was acknowledged, in the log unseen, committed, or kept on disk."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as root:
            calm, stormy = filled(wanted), filled(wanted)
            expected = await finish(calm, Path(root) / "calm", 0)
            committed = 0
            directory = Path(root) / "0"
            for number, life in enumerate(crashes):
                committed = await live(stormy, directory, committed, life)
                if life.forgets_table:
                    directory = Path(root) / f"{number + 1}"
            rows = await finish(stormy, directory, committed)
            assert stormy.values(EVENTS) == calm.values(EVENTS)
            assert rows == expected == tally.folded(stormy.events(LANGUAGE))
            for topic in ("tally.rejections", "tally.dead-letters"):
                assert set(stormy.values(topic)) >= set(calm.values(topic))

    asyncio.run(run())
