"""What is told of the order service's calls: each attempt, with what was asked and answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from services.common.calls import CallLog
from services.common.effects import EffectLimits, Effects
from services.common.log import Appender
from services.common.messages.order import ConfirmPayment
from services.common.messages.shared import CallMade, CallOutcome
from services.common.telemetry import Counters
from services.order.effects import OrderCall, OrderOutside
from tests.common.memory_log import MemoryLog, MemoryProducer
from tests.order.outside import CHARGE, FRONT, PAYMENT, POS, TICKET, says

ORDER_ID = "o-1"
LIMITS = EffectLimits(
    timeout_seconds=0.2,
    backoff_seconds=0.001,
    backoff_seconds_max=0.002,
    attempts_before_flag=50,
)
PAID = says(201, id="ch-1", status="succeeded", card="tok_visa_1234")
KNOWN = says(200, id="ch-1", status="succeeded")
TOKEN = "tok_visa_1234"
CALL = type(CHARGE)("eat", "charge-key", 2_500, "EUR", TOKEN)

Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@dataclass(slots=True)
class Told:
    """The calls of one order, and what the log has of them.

    reports: the outcomes, with the calls that were told before each of them.
    """

    effects: Effects
    producer: MemoryProducer
    counters: Counters
    calls: CallLog
    reports: list[tuple[Any, int]] = field(default_factory=list)

    @property
    def records(self) -> list[CallMade]:
        """What is told."""
        values = self.producer.log.values("order.calls")
        return [msgspec.json.decode(value, type=CallMade) for value in values]

    async def make(self, call: OrderCall, until: Callable[[], bool] | None = None) -> None:
        """Makes the call until its outcome is reported, or what else is waited for."""
        self.effects.set(0, ORDER_ID, [call])
        async with asyncio.timeout(5):
            while not (until() if until else self.reports):
                await asyncio.sleep(0.001)
        self.effects.set(0, ORDER_ID, [])
        await asyncio.sleep(0.01)


@asynccontextmanager
async def told(
    answer: Answer, producer: MemoryProducer | None = None, waiting_max: int = 9
) -> AsyncIterator[Told]:
    """The order service's calls to somebody who answers so."""
    outside = OrderOutside(PAYMENT, POS, FRONT, 1.0, httpx.MockTransport(answer))
    made = producer or MemoryProducer(MemoryLog())
    counters = Counters()
    calls = CallLog(Appender("order", made), counters, waiting_max, 0.3)

    async def report(key: str, call: Any, command: Any) -> None:
        world.reports.append((command, len(made.log.values("order.calls"))))

    effects = Effects(outside, report, LIMITS, counters, tell=calls.tell)
    world = Told(effects, made, counters, calls)
    try:
        yield world
    finally:
        effects.close(0)
        await calls.close()
        await outside.close()


def answering(*answers: httpx.Response | type[httpx.RequestError] | None) -> Answer:
    """Answers in turn; None is none at all, and an error one of the wire."""
    left = list(answers)

    async def answer(request: httpx.Request) -> httpx.Response:
        next_ = left.pop(0)
        if next_ is None:
            await asyncio.sleep(60)
        if isinstance(next_, httpx.Response):
            return next_
        assert next_ is not None
        raise next_("broken", request=request)

    return answer


async def test_a_call_is_told_with_request_and_response_after_its_outcome() -> None:
    """The token is nowhere, though the provider repeats it."""
    async with told(answering(PAID)) as world:
        await world.make(CALL)
    (made,) = world.records
    assert world.reports == [(ConfirmPayment(ORDER_ID, "ch-1"), 0)]
    assert (made.call, made.target, made.attempt) == ("ChargePayment", "payment provider", 1)
    assert (made.outcome, made.error, made.command_type) == (
        CallOutcome.ANSWERED,
        None,
        "ConfirmPayment",
    )
    (exchange,) = made.exchanges
    assert (exchange.method, exchange.url, exchange.status) == ("POST", f"{PAYMENT}/charges", 201)
    assert json.loads(exchange.request or "") == {
        "amount_cents": 2_500,
        "currency": "EUR",
        "payment_token": "hidden",
        "description": f"order {ORDER_ID}",
    }
    assert json.loads(exchange.response or "")["id"] == "ch-1"
    (record,) = world.producer.log.read("order.calls")
    assert record.key == ORDER_ID.encode()
    assert TOKEN.encode() not in (record.value or b"")
    assert world.counters.snapshot()["effects_answered"] == 1
    assert "calls_untold" not in world.counters.snapshot()


async def test_a_call_that_is_made_again_tells_both_exchanges() -> None:
    """It is asked for by its key first; the key is masked, as a partner's may stand there."""
    answers = answering(says(503, title="down"), says(404, title="no such"), PAID)
    async with told(answers) as world:
        await world.make(CALL)
    first, second = world.records
    assert (first.attempt, first.outcome, first.command_type) == (1, CallOutcome.UNANSWERED, None)
    assert first.error is not None
    assert "503" in first.error
    assert [(each.method, each.status) for each in second.exchanges] == [
        ("GET", 404),
        ("POST", 201),
    ]
    assert second.exchanges[0].url == f"{PAYMENT}/charges?idempotency_key=hidden"
    assert second.exchanges[0].request is None
    assert second.outcome is CallOutcome.ANSWERED
    assert first.occurred_at < second.occurred_at
    assert first.id != second.id


async def test_a_time_out_and_a_broken_wire_are_told_without_a_response() -> None:
    """The limit of the call, and that of the client."""
    answers = answering(None, httpx.ReadError, says(404), None, KNOWN)
    async with told(answers) as world:
        await world.make(CALL)
    late, broken, found = world.records[0], world.records[1], world.records[-1]
    assert late.error == "no answer within 0.2 s"
    assert late.exchanges[0].status is None
    assert 200 <= late.duration_ms < 1_000
    assert broken.exchanges[0].error == "ReadError broken"
    assert [each.outcome for each in world.records][:2] == [CallOutcome.UNANSWERED] * 2
    assert found.outcome is CallOutcome.ANSWERED


async def test_a_call_that_fails_is_told_with_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no exchange where none was made."""

    async def fail(*_: Any) -> Any:
        raise ZeroDivisionError(f"of {TOKEN}")

    monkeypatch.setattr(OrderOutside, "perform", fail)
    async with told(answering()) as world:
        await world.make(CALL, lambda: bool(world.records))
    made = world.records[0]
    assert (made.outcome, made.exchanges) == (CallOutcome.FAILED, ())
    assert made.error is not None
    assert made.error.startswith("ZeroDivisionError")


async def test_a_call_that_nobody_waits_for_any_more_is_told_too() -> None:
    """The request was sent: whoever looks for a charge will want to know."""
    async with told(answering(None)) as world:
        await world.make(
            CALL, lambda: world.effects.running == 1 and world.effects.oldest_seconds > 0.02
        )
    (made,) = world.records
    assert (made.outcome, made.command_type) == (CallOutcome.DROPPED, None)
    assert made.exchanges[0].error == "no answer while it was waited for"


async def test_an_outcome_that_is_not_written_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call was answered all the same."""
    async with told(answering(PAID, PAID)) as world:

        async def report(*_: Any) -> None:
            raise OSError("the log is away")

        monkeypatch.setattr(world.effects, "_report", report)
        await world.make(CALL, lambda: bool(world.records))
    made = world.records[0]
    assert (made.outcome, made.command_type) == (CallOutcome.ANSWERED, "ConfirmPayment")
    assert made.error == "the outcome is not written: OSError the log is away"


class AwayProducer(MemoryProducer):
    """Has no room for calls, for ever; or refuses them."""

    refuses = False

    async def send(self, topic: str, *args: Any, **options: Any) -> Any:
        """The producer's own."""
        if topic == "order.calls":
            if self.refuses:
                raise KeyError(topic)
            await asyncio.sleep(60)
        return await super().send(topic, *args, **options)


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_log_that_is_away_costs_records_and_no_call(refuses: bool) -> None:
    """No more wait than may; what is not told is counted."""
    producer = AwayProducer(MemoryLog())
    producer.refuses = refuses
    async with told(answering(*[PAID] * 20), producer, waiting_max=3) as world:
        for number in range(20):
            world.effects.set(0, f"order-{number}", [CALL])
        async with asyncio.timeout(5):
            while len(world.reports) < 20:
                await asyncio.sleep(0.001)
        assert len(world.calls._waiting) <= 3
        async with asyncio.timeout(5):
            while world.calls._waiting:
                await asyncio.sleep(0.01)
    assert world.records == []
    counts = world.counters.snapshot()
    assert (counts["effects_answered"], counts["calls_untold"]) == (20, 20)


async def test_a_record_that_the_log_refuses_later_is_counted() -> None:
    """Nobody waits for it."""
    producer = MemoryProducer(MemoryLog(), is_prompt=False)
    async with told(answering(PAID, PAID), producer) as world:
        await world.make(CALL)
        producer.fail(OSError("no"))
        await asyncio.sleep(0)
    assert world.counters.snapshot()["calls_untold"] == 1


async def test_what_cannot_be_written_is_counted() -> None:
    """A name that is no text would fail any encoder."""
    async with told(answering(PAID)) as world:
        world.effects._outside.target = lambda call: "\ud83c"  # type: ignore[method-assign]
        await world.make(TICKET, lambda: bool(world.counters.snapshot().get("calls_untold")))
    assert world.records == []
