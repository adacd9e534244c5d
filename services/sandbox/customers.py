"""The customers at the door, who know their codes from the order front."""

import httpx

CODES = 10_000


class CustomerError(Exception):
    """A customer could not be asked, or does not know the code."""


class Customers:
    """All customers; they look their codes up where they follow their orders."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def code(self, order_id: str) -> str:
        """What the customer tells the driver.

        Raises:
            CustomerError: the order front cannot be reached or shows no code.
        """
        path = f"/orders/{order_id}"
        try:
            response = await self._client.get(path)
            order = response.json() if response.is_success else None
        except (httpx.HTTPError, ValueError) as error:
            raise CustomerError(f"GET {path}: {error!r}") from error
        code = order.get("code") if isinstance(order, dict) else None
        if not isinstance(code, str):
            raise CustomerError(f"GET {path}: {response.status_code} without a code")
        return code


def wrong_code(code: str, number: int) -> str:
    """A code that is not this one, and another one for each number from 1 to CODES - 1."""
    known = int(code) if code.isdecimal() else 0
    return f"{(known + number) % CODES:04d}"
