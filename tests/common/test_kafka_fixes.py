"""A coordinator that does not know yet is not taken for one that knows of no commit."""

from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    GroupLoadInProgressError,
    KafkaConnectionError,
    KafkaError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

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


JOINING = [
    JoinGroupRequest("order", 6000, 30_000, "", "order/1", "consumer", [("range", b"")]),
    SyncGroupRequest("order", 1, "member", "order/1", []),
]


@pytest.mark.parametrize("request_", JOINING, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("kind", kafka_fixes.IN_TROUBLE, ids=lambda each: each.__name__)
async def test_a_coordinator_in_trouble_is_one_that_has_not_answered(
    answers: list[Answer], kind: type[KafkaError], request_: Any
) -> None:
    """The member takes it for a lost connection, looks for its coordinator, and joins again."""
    answers.append(Answer([], kind.errno))
    coordinator = Coordinator()
    with pytest.raises(kind):
        await coordinator._send_req(request_)
    assert coordinator.deaths == 1


@pytest.mark.parametrize("request_", JOINING, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("kind", [UnknownMemberIdError, RebalanceInProgressError])
async def test_what_the_member_itself_has_an_answer_for_reaches_it(
    answers: list[Answer], kind: type[KafkaError], request_: Any
) -> None:
    """It forgets its id, or joins the next generation."""
    answers.append(Answer([], kind.errno))
    answer = await Coordinator()._send_req(request_)
    assert answer.error_code == kind.errno


class ClosedWriter:
    """A stream over a transport of uvloop that was closed meanwhile."""

    def write(self, data: bytes) -> None:
        """As uvloop says it."""
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    def close(self) -> None:
        """It is."""


async def test_a_connection_that_was_closed_meanwhile_is_a_lost_one() -> None:
    """Also where uvloop says so; whoever asks connects again."""
    connection = AIOKafkaConnection("127.0.0.1", 1)
    connection._writer = ClosedWriter()
    with pytest.raises(KafkaConnectionError, match="closed"):
        connection.send(OffsetFetchRequest("order", []))
    assert not connection.connected()
