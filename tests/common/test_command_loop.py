"""The command loop: append, then apply, then commit; whatever fails, however slow the log is."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.common import ids
from services.common.command_loop import Limits
from services.common.decider import Envelope, Row
from services.common.log import told_by_writer
from services.common.telemetry import EXIT_APPEND_FAILED, EXIT_LOG_SKIPPED, EXIT_TABLE_FAILED
from tests.common import tally
from tests.common.deaths import Deaths
from tests.common.loop_bench import EVENTS, INPUT, LANGUAGE, bench, put, settle
from tests.common.memory_log import Place
from tests.common.tally import Add, TakeTallySnapshot, Tally


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
