"""The driver service as a phone sees it over HTTP."""

from dataclasses import asdict, dataclass
from typing import TypeVar

import httpx
import msgspec

from services.sandbox.geography import GeoPoint

CONNECTIONS_MAX = 64
UNAVAILABLE = "UNAVAILABLE"


class DriverServiceError(Exception):
    """A call failed: the service is unreachable, refused it or answered nonsense."""


@dataclass(frozen=True, slots=True)
class OfferedDelivery:
    """The delivery that a driver may take; the same one may be offered again."""

    delivery_id: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class AssignedDelivery:
    """The delivery that a driver has to make, or to take back when it is returning."""

    delivery_id: str
    order_id: str
    region: str
    pickup: GeoPoint
    dropoff: GeoPoint
    picked_up: bool
    returning: bool = False
    requires_code: bool = False
    code_locked: bool = False

    def target(self) -> GeoPoint:
        """Where the driver has to go next."""
        return self.dropoff if self.picked_up and not self.returning else self.pickup


@dataclass(frozen=True, slots=True)
class _KnownDriver:
    """What of a driver is asked for."""

    status: str


AnswerT = TypeVar("AnswerT")


class DriverService:
    """Calls the driver service for all phones; every method raises DriverServiceError.

    202 to a report does not yet mean that it counts.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def announce_available(self, driver_id: str, region: str, location: GeoPoint) -> None:
        """Tells that the driver waits for a delivery."""
        body = {"available": True, "region": region, "location": asdict(location)}
        await self._call("PUT", f"/drivers/{driver_id}/availability", body)

    async def announce_unavailable(self, driver_id: str, region: str, location: GeoPoint) -> None:
        """Tells that the driver takes no work; an open offer is declined by that."""
        body = {"available": False, "region": region, "location": asdict(location)}
        await self._call("PUT", f"/drivers/{driver_id}/availability", body)

    async def takes_no_work(self, driver_id: str) -> bool:
        """True when the service knows that the driver takes no work, or knows no such driver."""
        response = await self._call("GET", f"/drivers/{driver_id}", None, accepts=(404,))
        if response.status_code == 404:
            return True
        try:
            return msgspec.json.decode(response.content, type=_KnownDriver).status == UNAVAILABLE
        except msgspec.DecodeError as error:
            raise DriverServiceError(f"driver: {error}") from error

    async def assigned_delivery(self, driver_id: str) -> AssignedDelivery | None:
        """The driver's delivery, or None; a driver that the service does not know has none."""
        return await self._ask(driver_id, "assigned-delivery", AssignedDelivery)

    async def offered_delivery(self, driver_id: str) -> OfferedDelivery | None:
        """The open offer to the driver, or None."""
        return await self._ask(driver_id, "offer", OfferedDelivery)

    async def accept_offer(self, driver_id: str, delivery_id: str) -> None:
        """Takes an offered delivery."""
        await self._report(driver_id, "offer/accept", delivery_id)

    async def reject_offer(self, driver_id: str, delivery_id: str, reason: str) -> None:
        """Does not take an offered delivery."""
        await self._report(driver_id, "offer/reject", delivery_id, reason=reason)

    async def give_up(self, driver_id: str, delivery_id: str, reason: str) -> None:
        """Tells that the driver does not make the delivery, and has no goods of it."""
        await self._report(driver_id, "give-up", delivery_id, reason=reason)

    async def report_pickup(self, driver_id: str, delivery_id: str) -> None:
        """Tells that the driver has the order."""
        await self._report(driver_id, "pickup", delivery_id)

    async def report_dropoff(self, driver_id: str, delivery_id: str, code: str | None) -> None:
        """Tells that the order is with the customer, who named the code if there is one."""
        await self._report(driver_id, "dropoff", delivery_id, **({"code": code} if code else {}))

    async def name_wrong_code(self, driver_id: str, delivery_id: str, code: str) -> None:
        """Names a code that is refused; returns when the refusal is answered."""
        body = {"delivery_id": delivery_id, "code": code}
        await self._call("POST", f"/drivers/{driver_id}/dropoff", body, accepts=(409,))

    async def report_failure(self, driver_id: str, delivery_id: str, reason: str) -> None:
        """Tells that nobody takes the order at the door."""
        await self._report(driver_id, "delivery-failed", delivery_id, reason=reason)

    async def report_return(self, driver_id: str, delivery_id: str) -> None:
        """Tells that the order is back where it was picked up."""
        await self._report(driver_id, "returned", delivery_id)

    async def _ask(self, driver_id: str, what: str, answer: type[AnswerT]) -> AnswerT | None:
        path = f"/drivers/{driver_id}/{what}"
        response = await self._call("GET", path, None, accepts=(404,))
        if response.status_code != 200:
            return None
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.DecodeError as error:
            raise DriverServiceError(f"{what}: {error}") from error

    async def _report(self, driver_id: str, what: str, delivery_id: str, **more: str) -> None:
        body = {"delivery_id": delivery_id, **more}
        await self._call("POST", f"/drivers/{driver_id}/{what}", body)

    async def _call(
        self, method: str, path: str, body: object, accepts: tuple[int, ...] = ()
    ) -> httpx.Response:
        try:
            response = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise DriverServiceError(f"{method} {path}: {error!r}") from error
        if not response.is_success and response.status_code not in accepts:
            raise DriverServiceError(f"{method} {path}: {response.status_code}")
        return response


def create_client(
    url: str, timeout_seconds: float, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    """An HTTP client that all phones share."""
    return httpx.AsyncClient(
        base_url=url,
        transport=transport,
        timeout=timeout_seconds,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        trust_env=False,
    )
