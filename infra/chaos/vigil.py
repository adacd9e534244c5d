"""Watches how long each service can't be used: none of its workers is ready."""

import asyncio

import httpx

from infra.chaos.plan import worker_names
from infra.chaos.report import Tale
from infra.stack import SERVICES, Stack

WATCH_SECONDS = 1.0


class Vigil:
    """The longest time of each service, in the tale."""

    def __init__(self, stack: Stack, tale: Tale, client: httpx.AsyncClient) -> None:
        self._stack = stack
        self._tale = tale
        self._client = client

    async def watch(self) -> None:
        """Asks every worker, for ever."""
        await asyncio.gather(*(self._watch(service) for service in SERVICES))

    async def _watch(self, service: str) -> None:
        loop = asyncio.get_running_loop()
        ready_at = loop.time()
        longest = self._tale.unready_seconds
        longest[service] = 0.0
        while True:
            asked_at = loop.time()
            names = worker_names(service, self._stack.plan.workers)
            answers = await asyncio.gather(*map(self._is_ready, names))
            if any(answers):
                ready_at = asked_at
            else:
                longest[service] = max(longest[service], loop.time() - ready_at)
            await asyncio.sleep(WATCH_SECONDS)

    async def _is_ready(self, name: str) -> bool:
        program = self._stack.programs[name]
        if not program.is_running:
            return False
        try:
            answer = await self._client.get(program.ready_url, timeout=WATCH_SECONDS)
        except httpx.TransportError:
            return False
        return answer.status_code == 200
