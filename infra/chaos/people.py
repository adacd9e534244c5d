"""People under chaos: they cancel, want money back and change their minds; operators look after it.

Whatever a front answers to a wish is right as long as it is an answer: the order may have gone on.
What is flagged is put right as an operator would, so that every order comes to its end.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from infra.chaos.report import Tale
from infra.stack import Stack

WISH_SECONDS = 2.5
LOOK_SECONDS = 2.0
PAGE = 500
# Of the orders that were acknowledged last, so many are thought of.
RECENT_MAX = 40
PAUSE_SECONDS = (1.0, 4.0)
# Done, not there yet, not possible now, too much at once, not now.
EXPECTED = (200, 202, 404, 409, 429, 503)
CANCELLERS = ("customer", "partner", "restaurant", "operator")
ITEM = "Taco%20al%20pastor"


class People:
    """Everybody who wants something of an order after it was placed."""

    def __init__(
        self, stack: Stack, random: Random, tale: Tale, client: httpx.AsyncClient, workers: int
    ) -> None:
        self._stack = stack
        self._random = random
        self._tale = tale
        self._client = client
        self._workers = workers

    async def wish_for(self, seconds: float) -> None:
        """Has one wish after another for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(self._random.expovariate(1 / WISH_SECONDS))
            await self.wish()

    async def wish(self) -> None:
        """One wish of somebody about an order that was acknowledged lately, or a restaurant."""
        recent = list(self._tale.acknowledged_lately)[-RECENT_MAX:]
        if not recent:
            return
        order, chance = f"/orders/{self._random.choice(recent)}", self._random.random()
        if chance < 0.4:
            by = self._random.choice(CANCELLERS)
            await self._ask("POST", f"{order}/cancel", {"by": by, "reason": "changed my mind"})
        elif chance < 0.6:
            await self._want_back(order)
        elif chance < 0.7:
            ready_at = datetime.now(UTC) + timedelta(seconds=self._random.uniform(0.5, 4.0))
            await self._ask("PUT", f"{order}/ready-time", {"ready_at": ready_at.isoformat()})
        elif chance < 0.8:
            await self._ask("POST", f"{order}/refuse", {"reason": "too_busy"})
        elif chance < 0.9:
            await self._ask("POST", f"{order}/undo-refusal", None)
        else:
            await self._close_for_a_while()

    async def look_after(self) -> None:
        """Puts right what is flagged, again and again, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for order in await self._flagged("order", "/orders"):
                await self._help_order(order)
            for delivery in await self._flagged("delivery", "/deliveries"):
                await self._help_delivery(delivery)

    async def _want_back(self, order: str) -> None:
        name = f"r{self._random.randrange(3)}"
        asked: dict[str, Any] = {"refund": name, "reason": "cold"}
        if self._random.random() < 0.7:
            asked["items"] = [{"line": 0, "quantity": 1}]
        await self._ask("POST", f"{order}/refunds", asked)

    async def _close_for_a_while(self) -> None:
        until = datetime.now(UTC) + timedelta(seconds=self._random.uniform(*PAUSE_SECONDS))
        restaurant = f"/restaurants/{self._random.choice(self._tale.restaurants)}"
        if self._random.random() < 0.5:
            asked = {"status": "PAUSED", "until": until.isoformat()}
            await self._ask("PUT", f"{restaurant}/status", asked)
        else:
            path = f"{restaurant}/items/{ITEM}/snooze"
            await self._ask("PUT", path, {"until": until.isoformat()})

    async def _help_order(self, order: Mapping[str, Any]) -> None:
        path = f"/orders/{order['order_id']}"
        for refund in order["refunds"]:
            if refund["status"] == "REFUSED":
                await self._ask("POST", f"{path}/refunds/{refund['name']}/retry", None)
        if "no_driver" in order["flags"]:
            await self._ask("POST", f"{path}/cancel", {"by": "operator", "reason": "no driver"})

    async def _help_delivery(self, delivery: Mapping[str, Any]) -> None:
        path, flags = f"/deliveries/{delivery['delivery_id']}", delivery["flags"]
        asked = {"reason": "an operator has looked at it"}
        if "wrong_codes" in flags:
            await self._ask("POST", f"{path}/waive-code", asked, "delivery")
        if "no_driver" in flags:
            order = f"/orders/{delivery['order_id']}/cancel"
            await self._ask("POST", order, {"by": "operator", "reason": "no driver"})
        if {"driver_silent", "dropoff_late"} & set(flags) and delivery["status"] == "PICKED_UP":
            asked = {**asked, "driver_id": delivery["driver_id"]}
            await self._ask("POST", f"{path}/reassign", asked, "delivery")
        if {"return_late", "cancellation_late"} & set(flags):
            await self._ask("POST", f"{path}/write-off", asked, "delivery")

    async def _flagged(self, service: str, path: str) -> list[Mapping[str, Any]]:
        url = f"{self._url(service)}{path}?flagged=true&limit={PAGE}"
        try:
            answer = await self._client.get(url)
        except httpx.TransportError:
            return []
        if answer.status_code != 200:
            return []
        items: list[Mapping[str, Any]] = answer.json()["items"]
        return items

    async def _ask(self, method: str, path: str, content: Any, service: str = "order") -> None:
        what = path.rpartition("/")[2]
        try:
            answer = await self._client.request(method, f"{self._url(service)}{path}", json=content)
        except httpx.TransportError as error:
            self._tale.wishes[f"{what}: {type(error).__name__}"] += 1
            return
        self._tale.wishes[f"{what}: {answer.status_code}"] += 1
        if answer.status_code not in EXPECTED:
            self._tale.surprise(f"{method} {path}: {answer.status_code} {answer.text[:300]}")

    def _url(self, service: str) -> str:
        return self._stack.plan.url(service, self._random.randrange(self._workers))
