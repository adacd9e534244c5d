"""Starts a service's worker with one defect planted: python -m tests.verify.broken_worker <mode>.

As the worker itself: ... <mode> <service> worker -l info. What it breaks is listed in DEFECTS.
"""

import asyncio
import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from msgspec import structs

from services.common.decider import Envelope, Row
from services.common.event_table import Appended, TablePartition
from services.common.log import Ack, Appender
from services.common.timers import Timers
from services.order.effects import OrderOutside

DROPPED_OF = 3
EARLY = timedelta(seconds=2)
CRASHED = "crashed-after-early-commit"
EXIT_CRASHED = 9


@dataclass(frozen=True, slots=True)
class _Lie:
    """The acknowledgement of a record that was never sent."""

    offset: int = -1


def drop_send() -> None:
    """Every third command is acknowledged and never sent; those of partners are spared."""
    _drop(lambda envelope: envelope.type != "SubmitOrder")


def drop_outcome() -> None:
    """So is every third that tells what the outside world or the clock did."""
    _drop(lambda envelope: envelope.type != "SubmitOrder" and envelope.source is None)


def _drop(counts: Callable[[Envelope], bool]) -> None:
    send, count = Appender.command, 0

    async def dropping(
        self: Appender, key: str, envelope: Envelope, command: Any, incoming: Any = ()
    ) -> Ack:
        nonlocal count
        count += counts(envelope)
        if count < DROPPED_OF:
            return await send(self, key, envelope, command, incoming)
        count = 0
        lie: Ack = asyncio.get_running_loop().create_future()
        lie.set_result(_Lie())
        return lie

    _replace(Appender, "command", dropping)


def double_effect() -> None:
    """Every charge and every ticket is asked for a second time with a key of its own."""
    call = OrderOutside._once

    async def twice(
        self: OrderOutside, url: str, idempotency_key: str, content: dict[str, Any], attempt: int
    ) -> Any:
        if url.endswith(("/charges", "/tickets")):
            await call(self, url, f"{idempotency_key}-again", content, attempt)
        return await call(self, url, idempotency_key, content, attempt)

    _replace(OrderOutside, "_once", twice)


def commit_early() -> None:
    """Offsets of commands are committed before anything is decided; then the process dies, once."""
    getmany = AIOKafkaConsumer.getmany

    async def committing(self: AIOKafkaConsumer, *places: Any, **limits: Any) -> Any:
        fetched = await getmany(self, *places, **limits)
        crashed = Path(os.environ["TIFFIN_DATA_DIR"]) / CRASHED
        commands = {
            place: records[-1].offset + 1
            for place, records in fetched.items()
            if place.topic.endswith(".commands") and any(b"SubmitOrder" in r.value for r in records)
        }
        if commands and not crashed.exists():
            await self.commit(commands)
            crashed.touch()
            os._exit(EXIT_CRASHED)
        return fetched

    _replace(AIOKafkaConsumer, "getmany", committing)


def apply_twice() -> None:
    """The table takes every event twice: once more after the next, whatever its version says."""
    fold = TablePartition._after
    before: dict[str, Any] = {}

    def doubling(
        self: TablePartition[Any], row: Row[Any] | None, each: Appended
    ) -> Row[Any] | None:
        once = fold(self, row, each)
        if once is None:
            return None
        key = getattr(each.event, self._decider.key_field)
        again, before[key] = before.get(key, each.event), each.event
        state = self._decider.evolve(once.state, again, each.envelope.occurred_at)
        return structs.replace(once, state=state)

    _replace(TablePartition, "_after", doubling)


def fire_early() -> None:
    """Timers go by a clock that is ahead."""
    begin = Timers.__init__

    def ahead(self: Timers, fire: Any, clock: Any, *others: Any) -> None:
        begin(self, fire, lambda: datetime.now(UTC) + EARLY, *others)

    _replace(Timers, "__init__", ahead)


DEFECTS: dict[str, Callable[[], None]] = {
    defect.__name__: defect
    for defect in (drop_send, drop_outcome, double_effect, commit_early, apply_twice, fire_early)
}


def _replace(place: Any, name: str, broken: Any) -> None:
    setattr(place, name, broken)


def main() -> None:
    """Plants the defect, then runs the worker as it would run itself."""
    mode, service, *rest = sys.argv[1:]
    DEFECTS[mode]()
    sys.argv = [f"services.{service}", *rest]
    importlib.import_module(f"services.{service}.app").main()


if __name__ == "__main__":
    main()
