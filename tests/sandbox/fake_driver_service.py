"""A driver service and an order front for tests: one delivery per driver, and calls to lose."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response

from services.sandbox.web import json_answer

PICKUP = {"latitude": 37.34, "longitude": -121.88}
DROPOFF = {"latitude": 37.36, "longitude": -121.90}

Body = dict[str, Any]


@dataclass
class FakeDriverService:
    """What the service knows, and how many more calls it loses or fails.

    to_lose: by the last part of its path, how many more of such a report have no effect.
    code: what the customer knows; None when the order shows none.
    """

    deliveries: dict[str, Body] = field(default_factory=dict)
    offers: dict[str, Body] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    off_duty: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    codes_named: list[str | None] = field(default_factory=list)
    to_lose: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    knows_drivers: bool = True
    code: str | None = None

    def offer(self, driver_id: str, delivery_id: str) -> None:
        """Offers the driver a delivery."""
        self.offers[driver_id] = {
            "delivery_id": delivery_id,
            "order_id": "o-1",
            "region": "san-jose",
            "pickup": PICKUP,
            "dropoff": DROPOFF,
            "requires_code": self.code is not None,
            "expires_at": "2030-01-01T00:00:00Z",
        }

    def assign(
        self, driver_id: str, delivery_id: str, picked_up: bool = False, returning: bool = False
    ) -> None:
        """Gives the driver a delivery."""
        self.deliveries[driver_id] = {
            "delivery_id": delivery_id,
            "order_id": "o-1",
            "region": "san-jose",
            "pickup": PICKUP,
            "dropoff": DROPOFF,
            "picked_up": picked_up,
            "returning": returning,
            "requires_code": self.code is not None,
            "wrong_codes": 0,
            "code_locked": False,
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
        async def put_availability(driver_id: str, body: Body) -> None:
            assert body["region"] == "san-jose"
            assert set(body["location"]) == {"latitude", "longitude"}
            call = "available" if body["available"] else "unavailable"
            self.calls.append(call)
            if body["available"]:
                self.announced.append(driver_id)
                self.off_duty.discard(driver_id)
            elif self.to_lose.get(call, 0) > 0:
                self.to_lose[call] -= 1
            elif driver_id not in self.deliveries:
                self.offers.pop(driver_id, None)
                self.off_duty.add(driver_id)

        @app.get("/drivers/{driver_id}")
        async def get_driver(driver_id: str) -> Response:
            if not self.knows_drivers:
                return Response(status_code=404)
            is_off = driver_id in self.off_duty
            return json_answer({"status": "UNAVAILABLE" if is_off else "AVAILABLE"})

        @app.get("/drivers/{driver_id}/assigned-delivery")
        async def get_assigned_delivery(driver_id: str) -> Response:
            return self._shown(self.deliveries.get(driver_id))

        @app.get("/drivers/{driver_id}/offer")
        async def get_offer(driver_id: str) -> Response:
            return self._shown(self.offers.get(driver_id))

        @app.get("/orders/{order_id}")
        async def get_order(order_id: str) -> Response:
            return json_answer({"order_id": order_id, "code": self.code})

        self._add_reports(app)
        return app

    def _shown(self, value: Body | None) -> Response:
        if not self.knows_drivers:
            return Response(status_code=404)
        return json_answer(value) if value else Response(status_code=204)

    def _counts(self, call: str, body: Body, delivery: Body) -> bool:
        self.calls.append(call)
        assert body["delivery_id"] == delivery["delivery_id"]
        if self.to_lose.get(call, 0) > 0:
            self.to_lose[call] -= 1
            return False
        return True

    def _add_reports(self, app: FastAPI) -> None:
        @app.post("/drivers/{driver_id}/offer/{answer}", status_code=202)
        async def post_answer(driver_id: str, answer: str, body: Body) -> None:
            if self._counts(answer, body, self.offers[driver_id]):
                offer = self.offers.pop(driver_id)
                if answer == "accept":
                    self.assign(driver_id, offer["delivery_id"])
                else:
                    assert answer == "reject"
                    assert body["reason"]

        @app.post("/drivers/{driver_id}/pickup", status_code=202)
        async def post_pickup(driver_id: str, body: Body) -> None:
            if self._counts("pickup", body, self.deliveries[driver_id]):
                self.deliveries[driver_id]["picked_up"] = True

        @app.post("/drivers/{driver_id}/dropoff", status_code=202)
        async def post_dropoff(driver_id: str, body: Body) -> Response:
            delivery = self.deliveries[driver_id]
            self.codes_named.append(body.get("code"))
            if self._counts("dropoff", body, delivery):
                if delivery["requires_code"] and body.get("code") != self.code:
                    delivery["wrong_codes"] += 1
                    delivery["code_locked"] = delivery["wrong_codes"] >= 2
                    return Response(status_code=409)
                del self.deliveries[driver_id]
            return Response(status_code=202)

        @app.post("/drivers/{driver_id}/delivery-failed", status_code=202)
        async def post_failed(driver_id: str, body: Body) -> None:
            assert body["reason"]
            if self._counts("delivery-failed", body, self.deliveries[driver_id]):
                self.deliveries[driver_id]["returning"] = True

        @app.post("/drivers/{driver_id}/give-up", status_code=202)
        async def post_give_up(driver_id: str, body: Body) -> None:
            assert body["reason"]
            if self._counts("give-up", body, self.deliveries[driver_id]):
                del self.deliveries[driver_id]

        @app.post("/drivers/{driver_id}/returned", status_code=202)
        async def post_returned(driver_id: str, body: Body) -> None:
            if self._counts("returned", body, self.deliveries[driver_id]):
                del self.deliveries[driver_id]
