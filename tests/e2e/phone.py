"""A driver's phone in a test's own hands: it does what it is told, and nothing else."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from tests.e2e.world import World

PLACE = {"latitude": 37.33, "longitude": -121.89}


@dataclass(frozen=True, slots=True)
class HandPhone:
    """One driver in a region where the sandbox has none."""

    world: World
    driver_id: str
    region: str

    @property
    def path(self) -> str:
        """Of the driver at its front."""
        return f"/drivers/{self.driver_id}"

    async def work(self, available: bool = True) -> None:
        """Says whether the driver takes work, and waits until the twin says so too."""
        content = {"available": available, "region": self.region, "location": PLACE}
        await self.world.call("PUT", "driver", f"{self.path}/availability", content)
        wanted = {"AVAILABLE", "OFFERED"} if available else {"UNAVAILABLE"}
        await self.world.becomes("driver", self.path, lambda driver: driver["status"] in wanted)

    async def offer(self) -> dict[str, Any]:
        """The offer, once there is one."""
        offer: dict[str, Any] = await self.world.becomes("driver", f"{self.path}/offer", bool)
        return offer

    async def ask(self, what: str, status: int = 202, **content: Any) -> Any:
        """Says something to the driver's front."""
        return await self.world.call("POST", "driver", f"{self.path}/{what}", content, status)

    async def accept(self) -> str:
        """The delivery that was offered and is the driver's now."""
        delivery_id: str = (await self.offer())["delivery_id"]
        await self.ask("offer/accept", delivery_id=delivery_id)
        await self.has(delivery_id)
        return delivery_id

    async def has(self, delivery_id: str, **state: Any) -> dict[str, Any]:
        """The delivery that the driver works on, once it is this one and such."""

        def is_so(work: dict[str, Any]) -> bool:
            same = work["delivery_id"] == delivery_id
            return same and all(work[name] == value for name, value in state.items())

        path = f"{self.path}/assigned-delivery"
        work: dict[str, Any] = await self.world.becomes("driver", path, is_so)
        return work

    async def pick_up(self, delivery_id: str) -> None:
        """The goods are on board, and the twin knows."""
        await self.ask("pickup", delivery_id=delivery_id)
        await self.has(delivery_id, picked_up=True)

    async def is_free(self) -> None:
        """Returns when the driver has no delivery any more."""
        await self.world.becomes(
            "driver", self.path, lambda driver: driver["delivery"] is None and not driver["offer"]
        )

    async def says_where(self) -> None:
        """Sends a location on Kafka."""
        content = {
            "type": "ReportLocation",
            "driver_id": self.driver_id,
            "location": PLACE,
            "recorded_at": datetime.now(UTC).isoformat(),
        }
        await self.world.produce(
            "driver.locations", self.driver_id.encode(), msgspec.json.encode(content)
        )


def phones_of(world: World, count: int) -> list[HandPhone]:
    """So many phones in a region of their own."""
    region = f"region-{uuid4().hex[:8]}"
    return [HandPhone(world, f"hand-{uuid4().hex[:8]}", region) for _ in range(count)]


async def order_for(phone: HandPhone, **changes: Any) -> str:
    """An order of the phone's region."""
    restaurant = {"region": phone.region, **changes.pop("restaurant", {})}
    world = phone.world
    return await world.submit(world.order(restaurant=restaurant, **changes))


def is_refused(answer: httpx.Response) -> bool:
    """True for an answer that says why not."""
    return answer.status_code == 409 and "detail" in answer.json()
