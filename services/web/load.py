"""Orders at random, at a rate that people choose: the simulator's customers."""

import asyncio
from random import Random
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from services.common.problem import ProblemError
from services.common.telemetry import log
from services.web.fronts import json_response
from services.web.shop import Checkout, Door, Line, Shop

SPREAD_DEGREES = 0.02
CUSTOMERS = 40
LINES_MAX = 3
QUANTITY_MAX = 3


class Rate(BaseModel):
    """How many orders a minute; 0 is none."""

    orders_per_minute: float = Field(ge=0)


class Load:
    """Places orders of the shop until it is told otherwise."""

    def __init__(self, shop: Shop, random: Random) -> None:
        self._shop = shop
        self._random = random
        self._task: asyncio.Task[None] | None = None
        self.orders_per_minute = 0.0
        self.placed = 0

    def set_rate(self, orders_per_minute: float) -> None:
        """Starts, changes or stops the orders."""
        self.stop()
        self.orders_per_minute = orders_per_minute
        if orders_per_minute > 0:
            self._task = asyncio.create_task(self._run(60 / orders_per_minute), name="load")

    def stop(self) -> None:
        """Places no more."""
        self.orders_per_minute = 0.0
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def checkout(self) -> Checkout:
        """A cart as a customer nearby might fill it."""
        random = self._random
        place = random.choice(list(self._shop.places.values()))
        dishes = random.sample(place.menu, random.randint(1, min(LINES_MAX, len(place.menu))))
        return Checkout(
            restaurant_id=place.restaurant_id,
            items=[
                Line(name=dish.name, quantity=random.randint(1, QUANTITY_MAX)) for dish in dishes
            ],
            destination=Door(
                latitude=place.location.latitude + random.uniform(-SPREAD_DEGREES, SPREAD_DEGREES),
                longitude=place.location.longitude
                + random.uniform(-SPREAD_DEGREES, SPREAD_DEGREES),
            ),
            client_reference=f"load-{uuid4()}",
            customer=f"customer-{random.randint(1, CUSTOMERS)}",
        )

    async def _run(self, interval_seconds: float) -> None:
        while True:
            try:
                answer = await self._shop.submit(self._shop.submission(self.checkout()))
                self.placed += answer.status_code == 202
            except ProblemError as error:
                log.info("an order of the load was not placed: %s", error.detail)
            # Customers come independently of one another: the times between them are exponential.
            await asyncio.sleep(self._random.expovariate(1 / interval_seconds))


def load_routes(load: Load, is_available: bool, orders_per_minute_max: int) -> APIRouter:
    """The simulator's switch of the order rate."""
    routes = APIRouter(prefix="/api/sandbox/load", tags=["sandbox"])

    @routes.get("")
    async def state() -> Response:
        """The rate, and how many orders were placed."""
        return _answer(load)

    @routes.post("")
    async def set_rate(rate: Rate) -> Response:
        """Starts, changes or stops the orders."""
        if not is_available:
            raise ProblemError(404, "no sandbox runs here")
        if rate.orders_per_minute > orders_per_minute_max:
            raise ProblemError(
                422, f"body/orders_per_minute: at most {orders_per_minute_max} are placed"
            )
        load.set_rate(rate.orders_per_minute)
        return _answer(load)

    return routes


def _answer(load: Load) -> Response:
    return json_response({"orders_per_minute": load.orders_per_minute, "placed": load.placed})
