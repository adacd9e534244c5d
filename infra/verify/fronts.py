"""The HTTP side of the evidence: the fronts of the services, and the ledgers of the outside."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from infra.verify.errors import CannotVerifyError
from infra.verify.evidence import Ledgers

CALLS_AT_ONCE_MAX = 16
CALL_SECONDS_MAX = 15.0
# A 503 says that a partition is on its way to another worker.
ATTEMPTS_MAX = 20
AGAIN_SECONDS = 0.5
PAGE_ROWS = 500

# By owner: the service whose front tells of it, and where.
FRONTS: Mapping[str, tuple[str, str]] = {
    "order": ("order", "/orders"),
    "restaurant": ("order", "/restaurants"),
    "delivery": ("delivery", "/deliveries"),
    "matcher": ("matcher", "/regions"),
    "driver": ("driver", "/drivers"),
}

Answer = Mapping[str, Any]


class Web:
    """Asks the services and the outside world, by name.

    Args:
        urls: the base URL of each service's front, of "payments" and of "pos".
    """

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._client = httpx.AsyncClient(timeout=CALL_SECONDS_MAX, trust_env=False)
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE_MAX)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def ledgers(self) -> Ledgers:
        """All charges, refunds, voids and tickets.

        Raises:
            CannotVerifyError: a ledger does not answer.
        """
        charges, refunds, voids, tickets = await asyncio.gather(
            self._get("payments", "/charges"),
            self._get("payments", "/refunds"),
            self._get("payments", "/voids"),
            self._get("pos", "/tickets"),
        )
        return Ledgers(charges, refunds, voids, tickets)

    async def listed(self, owner: str) -> list[Answer]:
        """All rows of a service, page by page.

        Raises:
            CannotVerifyError: the front does not answer.
        """
        rows: list[Answer] = []
        name, path = FRONTS[owner]
        cursor = ""
        while True:
            page = await self._get(name, f"{path}?limit={PAGE_ROWS}{cursor}")
            rows += page["items"]
            if page["cursor"] is None:
                return rows
            cursor = f"&cursor={page['cursor']}"

    async def rows(self, owner: str, keys: Iterable[str]) -> dict[str, Answer | None]:
        """Rows of a service, each asked for by its key; None where there is none."""
        wanted = list(keys)
        name, path = FRONTS[owner]
        paths = [f"{path}/{quote(key, safe='')}" for key in wanted]
        answers = await asyncio.gather(*(self._get(name, each, True) for each in paths))
        return dict(zip(wanted, answers, strict=True))

    async def histories(self, keys: Sequence[str]) -> dict[str, list[Answer]]:
        """The events that the order service tells of each order."""
        paths = [f"/orders/{quote(key, safe='')}/events" for key in keys]
        answers = await asyncio.gather(*(self._get("order", path, True) for path in paths))
        return {
            key: [] if answer is None else answer["items"]
            for key, answer in zip(keys, answers, strict=True)
        }

    async def _get(self, name: str, path: str, may_be_absent: bool = False) -> Any:
        url = f"{self._urls[name]}{path}"
        async with self._slots:
            for _ in range(ATTEMPTS_MAX):
                try:
                    answer = await self._client.get(url)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    reason = str(error) or type(error).__name__
                    raise CannotVerifyError(f"{url} does not answer: {reason}.") from error
                if answer.status_code != 503:
                    break
                await asyncio.sleep(AGAIN_SECONDS)
        if answer.status_code == 404 and may_be_absent:
            return None
        try:
            if answer.status_code == 200:
                return answer.json()
        except ValueError as error:
            raise CannotVerifyError(f"{url} answers no JSON.") from error
        raise CannotVerifyError(f"{url} answers {answer.status_code}.")
