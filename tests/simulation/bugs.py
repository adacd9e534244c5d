"""Bugs to plant into the runtime: each breaks one rule of the log's contract."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from services.common import command_loop, decider, event_table
from services.common.command_loop import Pipeline, _Step
from services.common.decider import Envelope, Row, fold
from services.common.event_table import Appended
from services.common.lease import Lease
from services.common.reactions import POLL_MILLISECONDS, ReactionLoop
from services.common.timers import Timers


def commit_before_apply(patch: pytest.MonkeyPatch) -> None:
    """Offsets are committed as soon as commands are taken."""
    patch.setattr(Pipeline, "committable", lambda pipeline: dict(pipeline._expected))


def apply_before_ack(patch: pytest.MonkeyPatch) -> None:
    """Events enter the table while they are on their way to the log."""

    async def apply(pipeline: Pipeline[Any], step: _Step) -> None:
        offset = pipeline._table.position.next_offset
        rows = pipeline._table.apply(
            Appended(offset + number, each.envelope, each.event, each.value, inputs)
            for number, (each, inputs, _) in enumerate(step.events)
        )
        pipeline._changed(pipeline.partition, rows)
        await pipeline._acknowledged([*(ack for *_, ack in step.events), *step.others])

    patch.setattr(Pipeline, "_apply", apply)


def skip_repeat_check(patch: pytest.MonkeyPatch) -> None:
    """A command that has had its event is decided again."""
    patch.setattr(command_loop, "is_repeat", lambda row, command: False)


def forget_what_was_done(patch: pytest.MonkeyPatch) -> None:
    """Neither the loop nor the fold knows which commands have had their event."""
    patch.setattr(decider, "_has_had", lambda row, envelope, command_id: False)


def commit_reaction_before_ack(patch: pytest.MonkeyPatch) -> None:
    """Events are committed while the commands that follow are on their way to the log."""

    async def run(loop: ReactionLoop) -> None:
        loop._consumer.subscribe(loop._reactions.topics, listener=loop)
        while True:
            loop._pulse.beat()
            fetched = await loop._consumer.getmany(timeout_ms=POLL_MILLISECONDS, max_records=20)
            for place, records in fetched.items():
                loop._guard(place, records)
                await loop._consumer.commit({place: records[-1].offset + 1})
                await loop._reactions.take(records, 10.0)

    patch.setattr(ReactionLoop, "run", run)


def fold_whatever_comes(patch: pytest.MonkeyPatch) -> None:
    """The table takes an event of any version, and of a command that has had its event."""

    def fold_blindly(
        aggregate: Any, row: Row[Any] | None, envelope: Envelope, event: Any
    ) -> Row[Any] | None:
        after = fold(aggregate, row, envelope, event)
        if after is not None or row is None:
            return after
        state = aggregate.evolve(row.state, event, envelope.occurred_at)
        return structs.replace(row, version=row.version + 1, state=state)

    patch.setattr(event_table, "fold", fold_blindly)


def fire_early(patch: pytest.MonkeyPatch) -> None:
    """The clock of the timers is ahead."""
    create = Timers.__init__

    def create_ahead(timers: Timers, fire: Any, clock: Any, *others: Any) -> None:
        create(timers, fire, lambda: clock() + timedelta(seconds=1), *others)

    patch.setattr(Timers, "__init__", create_ahead)


def forget_what_is_in_flight(patch: pytest.MonkeyPatch) -> None:
    """Commands are decided on the table alone."""

    class Forgetful(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return default

    create = Pipeline.__init__

    def create_forgetful(pipeline: Pipeline[Any], *args: Any) -> None:
        create(pipeline, *args)
        pipeline._in_flight = Forgetful()

    patch.setattr(Pipeline, "__init__", create_forgetful)


def never_end_for_being_away(patch: pytest.MonkeyPatch) -> None:
    """A worker that was stopped goes on as if nothing had been."""
    patch.setattr(Lease, "_check_away", lambda lease: None)


def forget_agendas(patch: pytest.MonkeyPatch) -> None:
    """A worker that opens a partition does not ask what its rows wait for."""
    patch.setattr(event_table.TablePartition, "waiting", lambda table: iter(()))
