"""Tells the order front that a ticket's preparation is finished, until it acknowledges."""

import asyncio
import logging
import time

import httpx

from services.sandbox.settings import Settings
from services.sandbox.tickets import OwedCallback, Tickets

logger = logging.getLogger(__name__)


class Callbacks:
    """Makes the callbacks that tickets owe, each at its due time, in one task per ticket."""

    def __init__(
        self, tickets: Tickets, settings: Settings, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._tickets = tickets
        self._settings = settings
        self._client = httpx.AsyncClient(
            transport=transport, timeout=settings.callback_timeout_seconds, trust_env=False
        )
        self._slots = asyncio.Semaphore(settings.callbacks_at_once_max)
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Takes up the callbacks that an earlier run of the POS still owed."""
        for ticket_id in self._tickets.owing_ids():
            self.schedule(ticket_id)

    def schedule(self, ticket_id: str) -> None:
        """Starts the callbacks of one ticket."""
        task = asyncio.create_task(self._call_back(ticket_id), name=f"callback {ticket_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_log_failure)

    async def close(self) -> None:
        """Stops all callbacks; those still owed are taken up by the next run."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _call_back(self, ticket_id: str) -> None:
        attempts = 0
        backoff_seconds = self._settings.callback_backoff_seconds
        while owed := self._tickets.owed_callback(ticket_id):
            if (wait_seconds := owed.due - time.time()) > 0:
                await asyncio.sleep(wait_seconds)
                # Read again: while this waited, the front may have given another address.
                continue
            acknowledged = await self._attempt(owed)
            self._tickets.record_attempt(ticket_id, acknowledged)
            if acknowledged:
                attempts = 0
                backoff_seconds = self._settings.callback_backoff_seconds
                continue
            attempts += 1
            if attempts >= self._settings.callback_attempts_max:
                logger.warning("Gave up calling back %s after %d attempts", owed.url, attempts)
                return
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(backoff_seconds * 2, self._settings.callback_backoff_seconds_max)

    async def _attempt(self, owed: OwedCallback) -> bool:
        async with self._slots:
            try:
                response = await self._client.post(owed.url, json={"ticket_id": owed.ticket_id})
            except httpx.HTTPError:
                return False
        # Also 404 and 409 are tried again: the receiver may not know the order yet.
        return response.is_success


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.error("The task %s failed", task.get_name(), exc_info=error)
