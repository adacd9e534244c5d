"""The payment provider and the points of sale behind real HTTP messages.

They behave as services/sandbox does: idempotent by key; they fail before the work, answer too late
after it, answer nonsense. What they have done they have done, whatever becomes of the caller.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from infra.simulation.ledger import Deed, Ledger
from infra.simulation.loop import Process, SimulatedLoop
from infra.simulation.payments import PaymentProvider
from infra.simulation.tickets import PointsOfSale, Ticket

LATE_SECONDS = 4.0

Make = Callable[[str, dict[str, Any]], Deed]


@dataclass(slots=True)
class Faults:
    """The shares of calls that a fault strikes, and whether nobody answers at all."""

    error_share: float
    late_share: float
    nonsense_share: float
    slow_share: float
    refund_refuse_share: float = 0.0
    is_down: bool = False

    def stop(self) -> None:
        """From now on every call is answered well."""
        self.error_share = self.late_share = self.nonsense_share = self.slow_share = 0.0
        self.refund_refuse_share = 0.0
        self.is_down = False


class OutsideWorld:
    """Both servers, and the transport that leads to them.

    printed: is told of every ticket that a kitchen prints.
    """

    def __init__(self, loop: SimulatedLoop, random: Random, faults: Faults) -> None:
        self.faults = faults
        self.printed: Callable[[Ticket], None] = lambda ticket: None
        self.payments = PaymentProvider(random, lambda: faults.refund_refuse_share)
        self.pos = PointsOfSale(lambda ticket: self.printed(ticket))
        self._loop = loop
        self._random = random
        payments, pos = self.payments, self.pos
        self._ledgers: dict[str, tuple[Ledger, Make]] = {
            "/charges": (payments.charges, payments.charge),
            "/refunds": (payments.refunds, payments.refund),
            "/voids": (payments.voids, payments.void),
            "/tickets": (pos.requests, pos.request),
            "/ticket-cancellations": (pos.cancellations, pos.cancel),
        }

    @property
    def reused(self) -> list[str]:
        """The keys that came with another content than before."""
        return [key for ledger, _ in self._ledgers.values() for key in ledger.reused]

    def transport(self, process: Process) -> httpx.AsyncBaseTransport:
        """The way of one process to both."""
        return _Transport(self._loop, self._random, self)

    def answer(self, request: httpx.Request) -> tuple[float, httpx.Response | None]:
        """Does what is asked; the answer, None for none, and how much later it comes."""
        faults, chance = self.faults, self._random.random
        if faults.is_down:
            return 0.0, httpx.Response(503, json={"title": "down"}, request=request)
        delay = LATE_SECONDS * chance() if chance() < faults.slow_share else 0.02 * chance()
        path = request.url.path
        ledger, make = self._ledgers[path]
        if request.method == "GET":
            deed = ledger.deeds.get(request.url.params["idempotency_key"])
            if deed is None:
                return delay, httpx.Response(404, json={"title": "not found"}, request=request)
            return delay, httpx.Response(200, json=self._told(path, deed)[1], request=request)
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
        status, document = self._told(path, deed)
        return delay, httpx.Response(status, json=document, request=request)

    def _told(self, path: str, deed: Deed) -> tuple[int, dict[str, Any]]:
        """A ticket's answer changes with the restaurant's mind; all others stay."""
        if path == "/tickets":
            return self.pos.answer(deed.key)
        return deed.status, deed.document


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
