"""Opening a partition: folding its table, reading its agenda, making its pipeline."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer

from services.common import clock, kafka
from services.common.agenda import Agenda
from services.common.codec import Language
from services.common.command_loop import Limits, Pipeline
from services.common.decider import Decider
from services.common.event_table import EventTable
from services.common.log import Appender, Producer, writer_header
from services.common.progress import Progress
from services.common.recovery import RecoveryLimits, recover
from services.common.settings import CommonSettings
from services.common.telemetry import Counters
from services.common.tracing import Tracer


class Opener:
    """Makes the pipelines of one worker.

    Args:
        member: of the group that assigns the partitions.
        partitions: how many each topic has.
        agenda: is told the rows whose state may have one.
    """

    def __init__(
        self,
        settings: CommonSettings,
        language: Language,
        decider: Decider[Any, Any, Any],
        table: EventTable[Any],
        producer: Producer,
        member: AIOKafkaConsumer,
        partitions: int,
        agenda: Agenda,
        counters: Counters,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._settings = settings
        self._language = language
        self._decider = decider
        self._table = table
        self._producer = producer
        self._member = member
        self._partitions = partitions
        self._agenda = agenda
        self._counters = counters
        self._limits = Limits(settings.append_seconds_max, settings.steps_in_flight_max)
        self._recovery_limits = _recovery_limits(settings)
        self._turn = asyncio.Lock()
        self._recoveries: dict[int, Progress] = {}

    @property
    def recoveries(self) -> Sequence[Progress]:
        """How far the partitions are that are not folded yet."""
        return list(self._recoveries.values())

    async def open(self, number: int) -> Pipeline[Any]:
        """The pipeline of a partition that the group has assigned.

        Raises:
            RecoveryError, KafkaError: the log could not be read to its end.
        """
        settings, owner = self._settings, self._language.owner
        generation, since = kafka.generation_of(self._member), clock.now()
        table = self._table.open(number)
        reader = kafka.log_reader(settings)
        try:
            await reader.start()
            progress = self._recoveries[number] = Progress(f"{owner}.events", number)
            await recover(
                table,
                reader,
                progress,
                self._language,
                self._counters,
                self._recovery_limits,
                self._turn,
            )
        finally:
            self._recoveries.pop(number, None)
            await reader.stop()
        self._agenda.open(number, table)
        writer = writer_header(settings.worker_name, generation, since)
        return Pipeline(
            number,
            self._partitions,
            table,
            self._language,
            self._decider,
            Appender(owner, self._producer, writer),
            lambda partition, rows: self._agenda.set(partition, rows.items()),
            self._counters,
            self._limits,
            self._tracer,
        )


def _recovery_limits(settings: CommonSettings) -> RecoveryLimits:
    return RecoveryLimits(
        records_per_read_max=settings.recovery_records_per_read_max,
        rows_in_memory_max=settings.recovery_rows_in_memory_max,
        events_per_write_max=settings.recovery_events_per_write_max,
        history_bytes_max=settings.recovery_history_bytes_max,
        silence_seconds_max=settings.recovery_silence_seconds_max,
        told_seconds=settings.recovery_told_seconds,
    )
