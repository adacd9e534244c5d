"""Records of an input: bad ones are put aside, misplaced ones forwarded, none is passed over."""

import base64
from pathlib import Path

import orjson
import pytest

from services.common.codec import COMMAND_BYTES_MAX
from services.common.kafka import partition_of
from services.common.telemetry import EXIT_LOG_SKIPPED
from tests.common import tally
from tests.common.deaths import Deaths, DiedError
from tests.common.loop_bench import INPUT, LANGUAGE, bench, put
from tests.common.memory_log import LogRecord, MemoryLog
from tests.common.tally import Add

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
