"""A driver service for tests: one delivery per driver, and calls that can be lost or fail."""

from dataclasses import dataclass, field

from fastapi import FastAPI, Response

from services.sandbox.web import json_answer

PICKUP = {"latitude": 37.34, "longitude": -121.88}
DROPOFF = {"latitude": 37.36, "longitude": -121.90}


@dataclass
class FakeDriverService:
    """What the service knows, and how many more calls it loses or fails."""

    deliveries: dict[str, dict[str, object]] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    pickups_to_lose: int = 0
    dropoffs_to_lose: int = 0
    failures: int = 0
    knows_drivers: bool = True

    def assign(self, driver_id: str, delivery_id: str, picked_up: bool = False) -> None:
        """Gives the driver a delivery."""
        self.deliveries[driver_id] = {
            "delivery_id": delivery_id,
            "order_id": "o-1",
            "region": "san-jose",
            "pickup": PICKUP,
            "dropoff": DROPOFF,
            "picked_up": picked_up,
        }

    def app(self) -> FastAPI:
        """The service as an app."""
        app = FastAPI()

        @app.middleware("http")
        async def fail(request, call_next):  # type: ignore[no-untyped-def]
            if self.failures > 0:
                self.failures -= 1
                return Response(status_code=503)
            return await call_next(request)

        @app.put("/drivers/{driver_id}/availability", status_code=202)
        async def put_availability(driver_id: str, body: dict[str, object]) -> None:
            assert body["available"] is True
            assert body["region"] == "san-jose"
            assert set(body["location"]) == {"latitude", "longitude"}  # type: ignore[call-overload]
            self.announced.append(driver_id)
            self.calls.append("available")

        @app.get("/drivers/{driver_id}/assigned-delivery")
        async def get_assigned_delivery(driver_id: str) -> Response:
            if not self.knows_drivers:
                return Response(status_code=404)
            delivery = self.deliveries.get(driver_id)
            return json_answer(delivery) if delivery else Response(status_code=204)

        @app.post("/drivers/{driver_id}/pickup", status_code=202)
        async def post_pickup(driver_id: str, body: dict[str, str]) -> None:
            self.calls.append("pickup")
            assert body["delivery_id"] == self.deliveries[driver_id]["delivery_id"]
            if self.pickups_to_lose > 0:
                self.pickups_to_lose -= 1
            else:
                self.deliveries[driver_id]["picked_up"] = True

        @app.post("/drivers/{driver_id}/dropoff", status_code=202)
        async def post_dropoff(driver_id: str, body: dict[str, str]) -> None:
            self.calls.append("dropoff")
            assert body["delivery_id"] == self.deliveries[driver_id]["delivery_id"]
            if self.dropoffs_to_lose > 0:
                self.dropoffs_to_lose -= 1
            else:
                del self.deliveries[driver_id]

        return app
