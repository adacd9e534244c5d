"""The way of people's requests to the fronts of the workers.

A request runs inside the worker that it reached, as an HTTP handler does, and ends with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from infra.simulation.loop import SimulatedLoop
from infra.simulation.workers import Supervised
from services.common import ids
from services.common.front import UnavailableError
from services.common.worker import Worker

ANSWER_SECONDS_MAX = 3.0

_Answer = TypeVar("_Answer")


class NoAnswerError(Exception):
    """Nobody knows what became of the request."""


class RefusedError(Exception):
    """The front has said no; asked again later, it may say yes."""


class ConflictError(Exception):
    """The aggregate as it is would refuse what is asked; the text is the reason."""


@dataclass(slots=True)
class Web:
    """All workers by service; `lost_share` of the answers never arrive."""

    loop: SimulatedLoop
    random: Random
    workers: Mapping[str, Sequence[Supervised]]
    lost_share: float

    async def ask(self, service: str, handle: Callable[[Worker], Awaitable[_Answer]]) -> _Answer:
        """What any worker of the service answers.

        Raises:
            NoAnswerError: no worker, no answer in time, or a lost one.
            RefusedError: the worker can't do it now.
            ConflictError: the aggregate does not allow it.
        """
        loop, random = self.loop, self.random
        await asyncio.sleep(0.01 * random.random())
        running = [each for each in self.workers[service] if each.worker is not None]
        if not running:
            raise NoAnswerError
        chosen = running[random.randrange(len(running))]
        process, worker = chosen.process, chosen.worker
        assert process is not None
        assert worker is not None
        answered: asyncio.Future[_Answer] = loop.create_future()

        async def serve() -> None:
            try:
                answer = await handle(worker)
            except (UnavailableError, RefusedError) as error:
                refused = RefusedError(str(error))
                loop.call_outside(0.01 * random.random(), _refuse, answered, refused)
            except ConflictError as error:
                loop.call_outside(0.01 * random.random(), _refuse, answered, error)
            else:
                loop.call_outside(0.01 * random.random(), _tell, answered, answer)

        loop.spawn(process, serve())
        if random.random() < self.lost_share:
            await asyncio.sleep(ANSWER_SECONDS_MAX)
            raise NoAnswerError
        try:
            return await asyncio.wait_for(answered, ANSWER_SECONDS_MAX)
        except TimeoutError:
            raise NoAnswerError from None

    async def send(
        self,
        service: str,
        command: Any,
        purpose: str | Callable[[Any], str],
        is_judged: bool = True,
        may_begin: bool = False,
    ) -> None:
        """Has a front append a command, as one that knows its aggregate does.

        Args:
            purpose: what the id of the command derives from, besides its key; perhaps as the
                aggregate is now.
            is_judged: whether the front looks first what would become of it.
            may_begin: whether the aggregate may be new.
        """

        async def handle(worker: Worker) -> None:
            front = worker.front
            decider = worker.parts.decider
            key: str = getattr(command, decider.key_field)
            if not front.owns(key):
                raise RefusedError("it is not here")
            row = front.row(key)
            if row is None and not may_begin:
                raise RefusedError("there is no such thing here")
            state = None if row is None else row.state
            text = purpose if isinstance(purpose, str) else purpose(state)
            command_id = ids.derive(key, f"{type(command).__name__}/{text}")
            if is_judged and (refusal := front.refusal(command, command_id)) is not None:
                raise ConflictError(refusal.reason)
            await front.send(command, command_id)

        await self.ask(service, handle)


async def persist(
    loop: SimulatedLoop, random: Random, ask: Callable[[], Awaitable[_Answer]]
) -> _Answer:
    """Asks until there is an answer.

    Raises:
        ConflictError: the answer is no.
    """
    while True:
        try:
            return await ask()
        except (NoAnswerError, RefusedError):
            await asyncio.sleep(0.3 + 0.4 * random.random())


def _tell(answered: "asyncio.Future[Any]", answer: Any) -> None:
    if not answered.done():
        answered.set_result(answer)


def _refuse(answered: "asyncio.Future[Any]", error: Exception) -> None:
    if not answered.done():
        answered.set_exception(error)
