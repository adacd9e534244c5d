"""What is counted, timed and told of the decisions of one partition's command loop."""

from logging import DEBUG, INFO
from typing import Any

from services.common import clock
from services.common.decider import Decider, Envelope, Rejected, Row
from services.common.log import Record
from services.common.log_lines import Decision
from services.common.telemetry import Counters, log


class Decisions:
    """Takes note of each decision as it is made.

    A command that has had its event is a repeat, and an event that is folded again is no decision:
    neither is timed, so that what is replayed counts once.
    """

    def __init__(self, decider: Decider[Any, Any, Any], counters: Counters) -> None:
        self._decider = decider
        self._counters = counters

    def accepted(
        self,
        record: Record,
        key: str,
        command: Envelope,
        event: Envelope,
        before: Row[Any] | None,
        after: Row[Any],
    ) -> None:
        """A command gets its event, which leads from one row to another."""
        counters, decider = self._counters, self._decider
        counters.add("commands_accepted")
        waited = clock.now() - command.occurred_at
        counters.command_seconds.add((command.type,), waited.total_seconds())
        if decider.stage is not None:
            stage = decider.stage(after.state)
            if before is None or decider.stage(before.state) != stage:
                age = event.occurred_at - decider.listed_at(after.state)
                counters.status_seconds.add(stage, age.total_seconds())
        level = DEBUG if event.type in decider.routine else INFO
        if log.isEnabledFor(level):
            made = f"{event.type} v{event.version}"
            log.log(level, self._line("accepted", record, key, command, made))

    def rejected(self, record: Record, key: str, command: Envelope, rejected: Rejected) -> None:
        """A command is refused. The detail is for who sent it, and not for the log."""
        self._counters.add("commands_rejected")
        self._counters.add_reason(rejected.reason)
        if log.isEnabledFor(INFO):
            log.info(self._line("rejected", record, key, command, rejected.reason))

    def repeated(self, record: Record, key: str, command: Envelope) -> None:
        """A command changes nothing: it has had its event, or there is nothing to do."""
        self._counters.add("commands_repeated")
        if log.isEnabledFor(DEBUG):
            log.debug(self._line("repeated", record, key, command, None))

    def _line(
        self, outcome: str, record: Record, key: str, command: Envelope, result: str | None
    ) -> Decision:
        return Decision(
            outcome=outcome,
            command=command.type,
            aggregate=self._decider.name,
            key=key,
            result=result,
            correlation_id=command.correlation_id,
            headers=record.headers,
        )
