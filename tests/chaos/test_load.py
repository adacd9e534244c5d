"""What counts as acknowledged, so that a lost order can be told from one that was never taken."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from aiokafka.errors import KafkaConnectionError
from rich.console import Console

from infra.chaos import load
from infra.chaos.load import Partners
from infra.chaos.report import Tale
from infra.stack import Stack, StackPlan
from services.common import ids

ORDER = {"partner": "p", "reference": "1"}
ORDER_ID = ids.order_id("p", "1")


class Producer:
    """Refuses so many sends, then takes all."""

    def __init__(self, refusals: int = 0) -> None:
        self._refusals = refusals
        self.taken: list[tuple[Any, ...]] = []

    async def send_and_wait(self, *record: Any) -> None:
        """As aiokafka's."""
        if self._refusals:
            self._refusals -= 1
            raise KafkaConnectionError
        self.taken.append(record)


@pytest.fixture(autouse=True)
def _no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "NAP_SECONDS", 0.0)


@pytest.fixture
def tale() -> Tale:
    """Nothing has happened yet."""
    return Tale(Console(quiet=True))


def partners(
    tale: Tale, directory: Path, answers: Sequence[Any] = (), producer: Any = None
) -> Partners:
    """Partners whose requests get these answers: a status, or an error."""
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        got = left.pop(0)
        if isinstance(got, Exception):
            raise got
        return httpx.Response(got)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    stack = Stack(StackPlan(directory=directory))
    return Partners(stack, Random(1), tale, client, producer or Producer(), workers=1)


@pytest.mark.parametrize(
    ("answers", "is_acknowledged", "is_given_up"),
    [
        ([202], True, False),
        ([503, httpx.ReadTimeout("late"), 429, 202], True, False),
        ([409], False, False),
        ([503, 409], False, False),
        ([503] * load.ATTEMPTS_MAX, False, True),
    ],
)
async def test_only_a_202_acknowledges(
    tale: Tale, tmp_path: Path, answers: list[Any], is_acknowledged: bool, is_given_up: bool
) -> None:
    """All else is asked again, besides a conflict, which is an answer for good."""
    await partners(tale, tmp_path, answers).over_http(ORDER)
    assert (tale.acknowledged == {ORDER_ID}) is is_acknowledged
    assert tale.given_up == is_given_up
    assert tale.answers.total() == len(answers)
    assert not tale.surprises


async def test_an_answer_that_no_fault_excuses_fails_the_run(tale: Tale, tmp_path: Path) -> None:
    """A front may be away, but it never fails."""
    await partners(tale, tmp_path, [500, 202]).over_http(ORDER)
    assert len(tale.surprises) == 1


@pytest.mark.parametrize("refusals", [0, 2, load.ATTEMPTS_MAX])
async def test_kafka_acknowledges_what_it_took(tale: Tale, tmp_path: Path, refusals: int) -> None:
    """Sent again until then, with the order's id as the key."""
    producer = Producer(refusals)
    await partners(tale, tmp_path, producer=producer).over_kafka(ORDER)
    is_taken = refusals < load.ATTEMPTS_MAX
    assert [record[2] for record in producer.taken] == [ORDER_ID.encode()] * is_taken
    assert tale.acknowledged_by_kafka == ({ORDER_ID} if is_taken else set())
    assert tale.given_up == (not is_taken)


async def test_orders_are_of_every_sort(
    tale: Tale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declined, refused, for later, over both ways, twice, and with other content."""
    bodies: list[dict[str, Any]] = []
    producer = Producer()
    some = partners(tale, tmp_path, producer=producer)

    async def over_http(order: dict[str, Any]) -> None:
        bodies.append(order)

    monkeypatch.setattr(some, "over_http", over_http)
    for _ in range(500):
        await some.order()
    references = [body["reference"] for body in bodies]
    keys = {record[2].decode() for record in producer.taken}
    partner = bodies[0]["partner"]
    assert {body["payment_token"] for body in bodies} > {"tok_declined"}
    assert {body["restaurant"]["restaurant_id"] for body in bodies} > {"refuses-all"}
    assert any("delay_seconds" in body for body in bodies)
    assert len(set(references)) < len(references) < 500
    assert keys & {ids.order_id(partner, reference) for reference in references}
    assert any(body["destination"] == body["restaurant"]["location"] for body in bodies)
    assert tale.submitted == 500
