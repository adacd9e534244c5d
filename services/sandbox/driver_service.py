"""The driver service as a phone sees it over HTTP."""

from dataclasses import asdict, dataclass

import httpx
import msgspec

from services.sandbox.geography import GeoPoint

CONNECTIONS_MAX = 64


class DriverServiceError(Exception):
    """A call failed: the service is unreachable, refused it or answered nonsense."""


@dataclass(frozen=True, slots=True)
class AssignedDelivery:
    """The delivery that a driver has to make."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    picked_up: bool

    def target(self) -> GeoPoint:
        """Where the driver has to go next."""
        return self.dropoff if self.picked_up else self.pickup


class DriverService:
    """Calls the driver service for all phones; every method raises DriverServiceError."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def announce_available(self, driver_id: str, region: str, location: GeoPoint) -> None:
        """Tells that the driver waits for a delivery."""
        body = {"available": True, "region": region, "location": asdict(location)}
        await self._call("PUT", f"/drivers/{driver_id}/availability", body)

    async def assigned_delivery(self, driver_id: str) -> AssignedDelivery | None:
        """The driver's delivery, or None; a driver that the service does not know has none."""
        response = await self._call("GET", f"/drivers/{driver_id}/assigned-delivery", None)
        if response.status_code != 200:
            return None
        try:
            return msgspec.json.decode(response.content, type=AssignedDelivery)
        except msgspec.DecodeError as error:
            raise DriverServiceError(f"assigned-delivery: {error}") from error

    async def report_pickup(self, driver_id: str, delivery_id: str) -> None:
        """Tells that the driver has the order; 202 does not yet mean that it counts."""
        body = {"delivery_id": delivery_id}
        await self._call("POST", f"/drivers/{driver_id}/pickup", body)

    async def report_dropoff(self, driver_id: str, delivery_id: str) -> None:
        """Tells that the order is with the customer; 202 does not yet mean that it counts."""
        body = {"delivery_id": delivery_id}
        await self._call("POST", f"/drivers/{driver_id}/dropoff", body)

    async def _call(self, method: str, path: str, body: object) -> httpx.Response:
        try:
            response = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise DriverServiceError(f"{method} {path}: {error!r}") from error
        is_unknown_driver = method == "GET" and response.status_code == 404
        if not response.is_success and not is_unknown_driver:
            raise DriverServiceError(f"{method} {path}: {response.status_code}")
        return response


def create_driver_client(
    url: str, timeout_seconds: float, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    """The HTTP client that all phones share."""
    return httpx.AsyncClient(
        base_url=url,
        transport=transport,
        timeout=timeout_seconds,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        trust_env=False,
    )
