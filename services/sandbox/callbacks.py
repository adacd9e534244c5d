"""Tells the order front what tickets owe it, step by step, until it acknowledges."""

import asyncio
import logging
import time

import httpx

from services.sandbox.settings import Settings
from services.sandbox.steps import OwedStep, StepName, StepOutcome
from services.sandbox.tickets import Tickets

logger = logging.getLogger(__name__)

# Answers below 500 that say nothing of the step itself.
TRY_LATER_STATUSES = (408, 425, 429)
# Without these the restaurant cooks nothing, so nothing more is to be told.
ANSWERS = (StepName.ACCEPT, StepName.REFUSE, StepName.UNDO_REFUSAL)


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
        while step := self._tickets.owed_step(ticket_id):
            if (wait_seconds := step.due - time.time()) > 0:
                await asyncio.sleep(wait_seconds)
            elif not await self._tell(step):
                return

    async def _tell(self, first: OwedStep) -> bool:
        """Tells one step until it ends; false when it was given up for this run."""
        attempts = refusals = 0
        backoff_seconds = self._settings.callback_backoff_seconds
        while True:
            # Read again: meanwhile the front may have moved, or the ticket may be cancelled.
            step = self._tickets.owed_step(first.ticket_id)
            if step is None or step.sequence != first.sequence:
                return True
            self._tickets.begin(step)
            status = await self._attempt(step)
            attempts += 1
            refusals += _is_refusal(status)
            outcome = self._outcome(step, status, refusals)
            self._tickets.record_attempt(step, outcome)
            if outcome is StepOutcome.REFUSED:
                logger.info("%s %s was refused: %s", step.method, step.url, status)
                if step.name in ANSWERS:
                    self._tickets.drop_steps(step.ticket_id)
            if outcome:
                return True
            if attempts >= self._settings.callback_attempts_max:
                logger.warning("Gave up calling back %s after %d attempts", step.url, attempts)
                return False
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(backoff_seconds * 2, self._settings.callback_backoff_seconds_max)

    def _outcome(self, step: OwedStep, status: int | None, refusals: int) -> StepOutcome | None:
        if status is not None and 200 <= status < 300:
            return StepOutcome.ACKNOWLEDGED
        # What was acknowledged before may not count yet, so a refusal is tried again for a while;
        # the end of the preparation is what an order waits for, so it is tried to the limit.
        is_final = refusals >= self._settings.callback_refusals_max
        if is_final and step.name is not StepName.PREPARATION_FINISHED:
            return StepOutcome.REFUSED
        return None

    async def _attempt(self, step: OwedStep) -> int | None:
        async with self._slots:
            try:
                response = await self._client.request(step.method, step.url, json=step.body)
            except httpx.HTTPError:
                return None
        return response.status_code


def _is_refusal(status: int | None) -> bool:
    return status is not None and 400 <= status < 500 and status not in TRY_LATER_STATUSES


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.error("The task %s failed", task.get_name(), exc_info=error)
