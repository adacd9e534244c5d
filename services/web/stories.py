"""The story of one order: every record of it on any topic, in order of time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.web.records import LogRecord, shown
from services.web.views import Change

# What a driver on the road leads to every few seconds; it gives way where a story grows too long.
MOVEMENTS = frozenset(
    {"DriverLocated", "DriverHeard", "TrackDriver", "DeliveryEtaChanged", "OrderEtaChanged"}
    | {"RecordEta"}
)


@dataclass(frozen=True, slots=True)
class Step:
    """A record, and what it has changed where it is an event."""

    record: LogRecord
    change: Change | None = None

    def view(self) -> dict[str, Any]:
        """The step as the story tells it."""
        record, content = self.record, self.record.content
        told: dict[str, Any] = {
            "at": record.at,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "service": record.owner,
            "kind": record.kind,
            "type": record.type,
            "key": record.key,
            "id": record.id,
            "causation_id": content.get("causation_id"),
            "version": content.get("version"),
            "content": record.shown_content(),
        }
        if self.change is not None and self.change.after:
            told |= {"before": shown(self.change.before), "after": shown(self.change.after)}
        return told


class Story:
    """The steps of one order.

    Args:
        steps_max: of more, the oldest movement goes, or the oldest of all.
    """

    def __init__(self, steps_max: int) -> None:
        self._steps_max = steps_max
        self._steps: list[Step] = []
        self.forgotten = 0

    def add(self, step: Step) -> None:
        """Takes the next step, of any topic."""
        self._steps.append(step)
        if len(self._steps) > self._steps_max:
            movement = next(
                (at for at, each in enumerate(self._steps) if each.record.type in MOVEMENTS), 0
            )
            del self._steps[movement]
            self.forgotten += 1

    def in_order(self) -> list[Step]:
        """The steps in order of time; of one instant, causes before what they have led to."""
        return in_order(self._steps)

    def events(self, owner: str) -> list[LogRecord]:
        """The events of one owner, in order of time."""
        return [
            step.record
            for step in self.in_order()
            if step.record.owner == owner and step.record.topic_kind == "events"
        ]


def in_order(steps: Iterable[Step]) -> list[Step]:
    """By time; clocks differ, and still nothing comes before its cause."""
    steps = sorted(steps, key=lambda step: (step.record.at, step.record.topic, step.record.offset))
    known = {step.record.id: step for step in steps}
    placed: dict[str, tuple[datetime, int]] = {}

    def place(step: Step) -> tuple[datetime, int]:
        """Not before its cause; walked without recursion, as a chain may be long."""
        chain: list[Step] = []
        seen: set[str] = set()
        at: Step | None = step
        while at is not None and at.record.id not in placed and at.record.id not in seen:
            seen.add(at.record.id)
            chain.append(at)
            at = known.get(str(at.record.content.get("causation_id")))
        for each in reversed(chain):
            cause = placed.get(str(each.record.content.get("causation_id")))
            own = (each.record.at, 0)
            later = own if cause is None else max(own, (cause[0], cause[1] + 1))
            placed[each.record.id] = later
        return placed[step.record.id]

    return sorted(steps, key=place)
