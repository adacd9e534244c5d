"""The restaurants' people: they answer tickets, cook, change their minds, and close for a while."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from infra.simulation.broker import instant
from infra.simulation.loop import SimulatedLoop
from infra.simulation.tickets import KINDS, Ticket
from infra.simulation.web import ConflictError, NoAnswerError, RefusedError, Web, persist
from services.common.messages.order import (
    AcceptOrder,
    CancelledBy,
    CancelOrder,
    FinishPreparation,
    RefusalReason,
    RefuseOrder,
    UndoRefusal,
    UpdatePreparation,
)
from services.common.messages.restaurant import RestaurantStatus, SetRestaurantStatus, SnoozeItem

COOKING_SECONDS_MAX = 3.0
ANSWER_SECONDS_MAX = 3.0
TRIES_MAX = 25
# What a front that has not heard of the last step says; asked again, it may say otherwise.
PASSING = ("impossible_now", "not_refused", "refused")


class Kitchens:
    """Who sees the tickets that are printed."""

    def __init__(self, loop: SimulatedLoop, random: Random, web: Web) -> None:
        self.trace: Callable[[str], None] = lambda line: None
        self.is_sober = False
        self._loop = loop
        self._random = random
        self._web = web

    def printed(self, ticket: Ticket) -> None:
        """A ticket comes out of the printer."""
        self._loop.spawn(None, self._serve(ticket))

    async def close_now_and_then(self) -> None:
        """A restaurant takes no orders for a while, or is out of water."""
        while not self.is_sober:
            await asyncio.sleep(4.0 * self._random.random())
            name = f"{self._random.choice(KINDS)}-{self._random.randrange(2)}"
            until = instant(self._loop.now) + timedelta(seconds=8 * self._random.random())
            status = self._random.choice(tuple(RestaurantStatus))
            command: Any
            if self._random.random() < 0.4:
                command = SnoozeItem(name, "Water", until)
            elif status is RestaurantStatus.OPEN:
                command = SetRestaurantStatus(name, status)
            else:
                command = SetRestaurantStatus(name, status, until=until)
            with contextlib.suppress(NoAnswerError, RefusedError, ConflictError):
                purpose = until.isoformat()
                await self._web.send("restaurant", command, purpose, may_begin=True)

    async def _serve(self, ticket: Ticket) -> None:
        random, name = self._random, ticket.order_id
        match ticket.kind:
            case "silent" | "forgets":
                return
            case "asks":
                await asyncio.sleep(ANSWER_SECONDS_MAX * random.random() ** 2)
                await self._tell(ticket, AcceptOrder(name, random.choice((None, 1, 3))), _round)
            case "asks-refuses":
                await asyncio.sleep(ANSWER_SECONDS_MAX * random.random() ** 2)
                await self._refuse(ticket)
                return
            case "changes-mind":
                await self._refuse(ticket)
                await asyncio.sleep(1.5 * random.random())
                if not await self._tell(ticket, UndoRefusal(name), _round):
                    return
                ticket.status = "received" if ticket.status == "refused" else ticket.status
                await self._tell(ticket, AcceptOrder(name), _round)
        await self._cook(ticket)

    async def _cook(self, ticket: Ticket) -> None:
        random, name = self._random, ticket.order_id
        await asyncio.sleep(COOKING_SECONDS_MAX * random.random() ** 3)
        if ticket.kind == "later":
            ready_at = instant(self._loop.now) + timedelta(seconds=2 + 2 * random.random())
            await self._tell(ticket, UpdatePreparation(name, ready_at), ready_at.isoformat())
        fate = random.random()
        if fate < 0.05 and not self.is_sober:
            await self._tell(ticket, CancelOrder(name, CancelledBy.RESTAURANT, "no_gas"), "kitchen")
        elif fate < 0.15 and not self.is_sober:
            await self._refuse(ticket)
            await asyncio.sleep(1.5 * random.random())
            if not await self._tell(ticket, UndoRefusal(name), _round):
                return
        for _ in range(2 if random.random() < 0.2 else 1):
            await self._tell(ticket, FinishPreparation(name), "")

    async def _refuse(self, ticket: Ticket) -> None:
        command = RefuseOrder(ticket.order_id, RefusalReason.TOO_BUSY, "full")
        await self._tell(ticket, command, _round)

    async def _tell(self, ticket: Ticket, command: Any, purpose: Any) -> bool:
        """Tells the front until it has taken it; False when the order does not allow it."""
        for _ in range(TRIES_MAX):
            if ticket.status == "cancelled":
                return False
            try:
                await persist(
                    self._loop,
                    self._random,
                    lambda: self._web.send("order", command, purpose),
                )
            except ConflictError as error:
                if str(error) not in PASSING:
                    self.trace(f"kitchen: {type(command).__name__} is refused: {error}")
                    return False
                await asyncio.sleep(0.3 + 0.4 * self._random.random())
            else:
                return True
        self.trace(f"kitchen: gives up on {type(command).__name__} of {ticket.order_id}")
        return False


def _round(order: Any) -> str:
    """After a refusal that was taken back, the restaurant answers anew."""
    return str(order.undone_refusals)
