"""A coordinator that does not know yet is not taken for one that knows of no commit."""

from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupLoadInProgressError, NotCoordinatorForGroupError

from services.common import kafka, kafka_fixes

PLACE = TopicPartition("order.commands", 0)


@dataclass(slots=True)
class Answer:
    """OffsetFetch, from version 2 on: an error of the whole answer comes last."""

    topics: list[tuple[str, list[tuple[int, int, str, int]]]]
    error_code: int


class Coordinator(GroupCoordinator):  # type: ignore[misc]
    """A coordinator whose broker gives these answers, one after another."""

    def __init__(self) -> None:
        self.group_id = "order"
        self.deaths = 0
        self._retry_backoff_ms = 1

    async def ensure_coordinator_known(self) -> None:
        """It is."""

    def coordinator_dead(self) -> None:
        """Is looked for anew."""
        self.deaths += 1


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """What the broker will answer."""
    assert GroupCoordinator._send_req is kafka_fixes._send_and_look, kafka.__doc__
    coming: list[Answer] = []

    async def send(coordinator: GroupCoordinator, request: Any) -> Answer:
        return coming.pop(0)

    monkeypatch.setattr(kafka_fixes, "_send", send)
    return coming


async def test_committed_offsets_are_asked_for_until_the_coordinator_knows(
    answers: list[Answer],
) -> None:
    """It loads the group, it is another one, then it knows."""
    answers += [
        Answer([], GroupLoadInProgressError.errno),
        Answer([], NotCoordinatorForGroupError.errno),
        Answer([(PLACE.topic, [(PLACE.partition, 42, "", 0)])], 0),
    ]
    coordinator = Coordinator()
    committed = await coordinator.fetch_committed_offsets([PLACE])
    assert committed[PLACE].offset == 42
    assert coordinator.deaths == 1
    assert not answers


async def test_nothing_committed_is_nothing_committed(answers: list[Answer]) -> None:
    """A coordinator that knows says so with an offset of -1."""
    answers.append(Answer([(PLACE.topic, [(PLACE.partition, -1, "", 0)])], 0))
    assert await Coordinator().fetch_committed_offsets([PLACE]) == {}
