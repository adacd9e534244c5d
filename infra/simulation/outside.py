"""The payment provider and the restaurants' points of sale, in memory, behind real HTTP messages.

They behave as services/sandbox does: idempotent by key; they decline and refuse, fail before the
work, answer too late after it, answer nonsense. What they have done they have done, whatever
becomes of the caller.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from infra.simulation.loop import Process, SimulatedLoop

LATE_SECONDS = 4.0
COOKING_SECONDS_MAX = 3.0

CallBack = Callable[[str], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Faults:
    """The shares of calls that a fault strikes, and whether nobody answers at all."""

    error_share: float
    late_share: float
    nonsense_share: float
    slow_share: float
    is_down: bool = False

    def stop(self) -> None:
        """From now on every call is answered well."""
        self.error_share = self.late_share = self.nonsense_share = self.slow_share = 0.0
        self.is_down = False


@dataclass(frozen=True, slots=True)
class Deed:
    """What an idempotency key stands for: asked once, and answered so ever after."""

    key: str
    content: dict[str, Any]
    status: int
    document: dict[str, Any]


@dataclass(slots=True)
class Ledger:
    """All deeds of one kind by key, in order."""

    deeds: dict[str, Deed] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)


class OutsideWorld:
    """Both servers, and the transport that leads to them."""

    def __init__(self, loop: SimulatedLoop, random: Random, faults: Faults) -> None:
        self.charges = Ledger()
        self.refunds = Ledger()
        self.tickets = Ledger()
        self.faults = faults
        self.call_back: CallBack | None = None
        self._loop = loop
        self._random = random
        self._ledgers = {
            "/charges": (self.charges, self._charge),
            "/refunds": (self.refunds, self._refund),
            "/tickets": (self.tickets, self._ticket),
        }

    def transport(self, process: Process) -> httpx.AsyncBaseTransport:
        """The way of one process to both."""
        return _Transport(self._loop, self._random, self)

    def answer(self, request: httpx.Request) -> tuple[float, httpx.Response | None]:
        """Does what is asked; the answer, None for none, and how much later it comes."""
        faults, chance = self.faults, self._random.random
        if faults.is_down:
            return 0.0, httpx.Response(503, json={"title": "down"}, request=request)
        delay = LATE_SECONDS * chance() if chance() < faults.slow_share else 0.02 * chance()
        ledger, make = self._ledgers[request.url.path]
        if request.method == "GET":
            deed = ledger.deeds.get(request.url.params["idempotency_key"])
            if deed is None:
                return delay, httpx.Response(404, json={"title": "not found"}, request=request)
            return delay, httpx.Response(200, json=deed.document, request=request)
        if chance() < faults.error_share:
            return delay, httpx.Response(503, json={"title": "error"}, request=request)
        key, content = request.headers["idempotency-key"], json.loads(request.content)
        deed = ledger.deeds.get(key)
        if deed is None:
            deed = ledger.deeds[key] = make(key, content)
        elif _essence(deed.content) != _essence(content):
            ledger.reused.append(key)
            return delay, httpx.Response(422, json={"title": "key reused"}, request=request)
        if chance() < faults.late_share:
            return delay + LATE_SECONDS, None
        if chance() < faults.nonsense_share:
            return delay, httpx.Response(200, text="<html>welcome", request=request)
        return delay, httpx.Response(deed.status, json=deed.document, request=request)

    def _charge(self, key: str, content: dict[str, Any]) -> Deed:
        name = f"charge_{len(self.charges.deeds) + 1}"
        if content["payment_token"] == "tok_declined":
            document = {"id": name, "status": "declined", "decline_reason": "card_declined"}
            return Deed(key, content, 402, document)
        return Deed(key, content, 201, {"id": name, "status": "succeeded"})

    def _refund(self, key: str, content: dict[str, Any]) -> Deed:
        name = f"refund_{len(self.refunds.deeds) + 1}"
        return Deed(key, content, 201, {"id": name, "status": "succeeded"})

    def _ticket(self, key: str, content: dict[str, Any]) -> Deed:
        name = f"ticket_{len(self.tickets.deeds) + 1}"
        if content["restaurant_id"].startswith("refuses-"):
            document = {"id": name, "status": "refused", "reason": "closed", "printed": 0}
            return Deed(key, content, 409, document)
        for _ in range(2 if self._random.random() < 0.2 else 1):
            self._loop.spawn(None, self._cook(content["order_id"]))
        return Deed(key, content, 201, {"id": name, "status": "accepted", "printed": 1})

    async def _cook(self, order_id: str) -> None:
        await asyncio.sleep(COOKING_SECONDS_MAX * self._random.random() ** 3)
        assert self.call_back is not None
        await self.call_back(order_id)


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, loop: SimulatedLoop, random: Random, world: OutsideWorld) -> None:
        self._loop = loop
        self._random = random
        self._world = world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answered: asyncio.Future[httpx.Response] = self._loop.create_future()

        def arrive() -> None:
            delay, response = self._world.answer(request)
            if response is not None:
                self._loop.call_outside(delay, come_back, response)

        def come_back(response: httpx.Response) -> None:
            if not answered.done():
                answered.set_result(response)

        self._loop.call_outside(0.01 * self._random.random(), arrive)
        try:
            async with asyncio.timeout(request.extensions["timeout"]["read"]):
                return await answered
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer in time", request=request) from error


def _essence(content: dict[str, Any]) -> dict[str, Any]:
    """The address of the callback is no part of what is asked for."""
    return {name: value for name, value in content.items() if name != "callback_url"}
