"""What a command of the matcher costs in a region where few or many drivers wait."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.bench.context import BenchError, Context
from infra.bench.orders import town, town_location
from infra.bench.results import Figure, Section
from services.common import ids
from services.common.accepted import accept
from services.common.codec import MATCHER
from services.common.decider import Envelope, Rejected, is_repeat
from services.common.event_table import Appended, TablePartition
from services.common.messages.matcher import (
    AvailableDriver,
    ConfirmOffer,
    RegisterDriver,
    RequestDriver,
    WaitingDelivery,
)
from services.common.values import GeoPoint
from services.matcher.domain import region_decider
from services.matcher.region import Region

FEW, MANY = 50, 1_000
DELIVERIES = 1_000
DELIVERIES_LEAST = 20
SNAPSHOT_HOURS = 24.0
AT = datetime(2030, 1, 1, 18, tzinfo=UTC)
REGION, MIDDLE = town(0), GeoPoint(**town_location(0))
WHAT = (
    "commands of one region, decided, folded and written to RocksDB one by one in this process: "
    "each delivery asks for a driver, who takes it and later waits again behind the others; CPU of "
    "all threads"
)


class RegionBench:
    """A region in a table of its own, which these many drivers wait in."""

    def __init__(self, directory: Path, drivers: int) -> None:
        self._decider = region_decider(SNAPSHOT_HOURS)
        self._table = TablePartition[Region](directory, self._decider, MATCHER.decode_event)
        self._versions: dict[str, Iterator[int]] = {}
        self._commands = 0
        for number in range(drivers):
            self._register(ids.derive("driver", str(number)))

    @property
    def state(self) -> Region:
        """The region as the table has it."""
        row = self._table.row(REGION)
        if row is None:
            raise BenchError("nobody has come to the region")
        return row.state

    def cpu_ms(self, deliveries: int) -> float:
        """Milliseconds of CPU per command, while so many deliveries come and are taken."""
        began_at, commands = time.process_time(), self._commands
        for number in range(deliveries):
            self._deliver(ids.derive("delivery", str(number)))
        return (time.process_time() - began_at) * 1000 / (self._commands - commands)

    def close(self) -> None:
        """Lets go of the table."""
        self._table.close()

    def _deliver(self, delivery_id: str) -> None:
        order_id = ids.derive(delivery_id, "order")
        waits = WaitingDelivery(delivery_id, order_id, MIDDLE, MIDDLE)
        self._take(RequestDriver(REGION, waits), f"delivery/{delivery_id}")
        offer = self.state.offers.get(delivery_id)
        if offer is None:
            raise BenchError(f"{delivery_id} is offered to nobody")
        driver_id = offer.driver.driver_id
        self._take(ConfirmOffer(REGION, delivery_id, driver_id), f"driver/{driver_id}")
        self._register(driver_id)

    def _register(self, driver_id: str) -> None:
        self._take(
            RegisterDriver(REGION, AvailableDriver(driver_id, MIDDLE)), f"driver/{driver_id}"
        )

    def _take(self, command: Any, source: str) -> None:
        """Does with a command what the command loop does, but for the log.

        Raises:
            BenchError: it leads to no event.
        """
        version = next(self._versions.setdefault(source, itertools.count(1)))
        command_id = ids.derive(source, str(version))
        name = type(command).__name__
        envelope = Envelope(
            command_id, name, AT, command_id, source, source=source, source_version=version
        )
        row = self._table.row(REGION)
        event = None
        if not is_repeat(row, envelope):
            event = self._decider.decide(command, None if row is None else row.state, AT)
        if event is None or isinstance(event, Rejected):
            raise BenchError(f"{command} leads to {event}")
        taken = accept(self._decider, row, envelope, event)
        offset = self._table.position.next_offset
        settled = {"matcher.commands": offset + 1}
        self._table.apply(
            [Appended(offset, taken.envelope, event, taken.value, settled, taken.after, b"bench")]
        )
        self._commands += 1


async def measure(context: Context) -> Section:
    """The section: CPU per command with few and with many drivers."""
    deliveries = context.scaled(DELIVERIES, DELIVERIES_LEAST)
    found: dict[int, list[float]] = {MANY: [], FEW: []}
    for run in range(context.runs):
        for drivers, runs in found.items():
            bench = RegionBench(context.directory / f"{drivers}-{run}", drivers)
            try:
                runs.append(bench.cpu_ms(deliveries))
            finally:
                bench.close()
        told = ", ".join(f"{runs[-1]:.3f} ms with {drivers:,}" for drivers, runs in found.items())
        context.say(f"run {run + 1}: {told} drivers")
    few = _name(FEW)
    figures = (
        Figure(_name(MANY), "ms", tuple(found[MANY]), few, higher_is_better=False),
        Figure(few, "ms", tuple(found[FEW]), higher_is_better=False),
    )
    return Section("region", WHAT, figures)


def _name(drivers: int) -> str:
    return f"CPU of a command, {drivers:,} drivers wait"
