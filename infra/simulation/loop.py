"""An event loop whose time is virtual and whose order of callbacks a seed decides.

Every callback belongs to a simulated process, or to the world around the processes. What belongs to
a process that has ended is never called; what belongs to a stopped one waits until it goes on.
"""

import asyncio
import contextlib
import gc
import heapq
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar, cast

LATE_SECONDS_MAX = 0.002

_Result = TypeVar("_Result")


class ProcessEndedError(BaseException):
    """Unwinds the code in which its own process has ended."""


class StalledError(Exception):
    """Nothing is left to happen, though the world waits for something."""


class Process:
    """What ends, stops and goes on together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self.is_stopped = False
        self.stopped_at = 0.0
        self.woken_at: float | None = None
        self.steps_left: int | None = None
        self.held: list[Handle] = []
        self.on_end: Callable[[str], None] | None = None

    def end(self, reason: str) -> None:
        """Nothing of it is called any more."""
        if self.is_alive:
            self.is_alive = False
            self.held.clear()
            if self.on_end is not None:
                self.on_end(reason)


OWNER: ContextVar[Process | None] = ContextVar("OWNER", default=None)


class Handle:
    """A callback that will be called once; what `call_soon` and `call_at` answer."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "moment", "owner")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context, moment: float
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.owner = context.get(OWNER)
        self.is_cancelled = False
        self.moment = moment

    def cancel(self) -> None:
        """It is not called any more."""
        self.is_cancelled = True

    def cancelled(self) -> bool:
        """True when it was cancelled."""
        return self.is_cancelled

    def when(self) -> float:
        """The moment it is due."""
        return self.moment


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Time jumps to the next moment at which something is due.

    Args:
        shuffle_share: how often the next callback is any that is ready, and not the oldest.
    """

    def __init__(self, random: Random, shuffle_share: float) -> None:
        self.now = 0.0
        self.steps = 0
        self.owner: Process | None = None
        self.failure: Exception | None = None
        self._random = random
        self._shuffle_share = shuffle_share
        self._ready: list[Handle] = []
        self._later: list[tuple[float, int, Handle]] = []
        self._sequence = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._world = copy_context()
        self._is_over = False

    def time(self) -> float:
        """Seconds since the world began."""
        return self.now

    def get_debug(self) -> bool:
        """Never; asyncio asks."""
        return False

    def is_running(self) -> bool:
        """Always; asyncio asks."""
        return True

    def is_closed(self) -> bool:
        """True when the world has ended."""
        return self._is_over

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Errors that nobody has asked for are of ended processes."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Any,
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        """A task of the process that asks for it."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        """Calls it as soon as its turn comes."""
        # An empty context is false, and yet a context.
        own = copy_context() if context is None else context
        handle = Handle(callback, args, own, self.now)
        if not self._is_over:
            self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> Handle:
        """Calls it after so many seconds, or a moment later."""
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> Handle:
        """Calls it at this moment, or a moment later: no real loop is on time."""
        own = copy_context() if context is None else context
        handle = Handle(callback, args, own, when)
        if not self._is_over:
            due = max(when, self.now) + self._random.random() * LATE_SECONDS_MAX
            self._sequence += 1
            heapq.heappush(self._later, (due, self._sequence, handle))
        return handle

    def call_outside(self, delay: float, callback: Callable[..., Any], *args: Any) -> Handle:
        """Calls it after so many seconds, whatever becomes of the process that asks for it."""
        return self.call_at(self.now + delay, callback, *args, context=self._world)

    def spawn(
        self, process: Process | None, work: Coroutine[Any, Any, _Result]
    ) -> "asyncio.Task[_Result]":
        """Begins a task of a process, or of the world."""
        context = self._world.copy()
        context.run(OWNER.set, process)
        return cast("asyncio.Task[_Result]", self.create_task(work, context=context))

    def stop_process(self, process: Process) -> None:
        """Nothing of the process is called until it goes on (as SIGSTOP does)."""
        process.is_stopped = True
        process.stopped_at = self.now

    def go_on(self, process: Process) -> None:
        """What was due meanwhile is called, in any order."""
        process.is_stopped = False
        process.woken_at = self.now
        self._ready += process.held
        process.held.clear()

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Lets the world turn until this work is done.

        Raises:
            StalledError: nothing is left to happen before.
            Exception: what was put into `failure` meanwhile.
        """
        asyncio._set_running_loop(self)
        try:
            task = self.spawn(None, work)
            while not task.done():
                self._step()
                if self.failure is not None:
                    raise self.failure
            return task.result()
        finally:
            self._close()
            asyncio._set_running_loop(None)

    def _step(self) -> None:
        later, ready = self._later, self._ready
        if not ready:
            if not later:
                raise StalledError(f"nothing is due after {self.now:.3f} s")
            self.now = max(self.now, later[0][0])
            while later and later[0][0] <= self.now:
                ready.append(heapq.heappop(later)[2])
        place = 0
        if len(ready) > 1 and self._random.random() < self._shuffle_share:
            place = int(self._random.random() * len(ready))
        handle = ready.pop(place)
        owner = handle.owner
        if handle.is_cancelled or (owner is not None and not owner.is_alive):
            return
        if owner is not None:
            if owner.is_stopped:
                owner.held.append(handle)
                return
            if owner.steps_left is not None:
                owner.steps_left -= 1
                if owner.steps_left < 0:
                    owner.end("killed")
                    return
        self.steps += 1
        self.owner = owner
        # A handler may end its own process: its exception ends here.
        with contextlib.suppress(ProcessEndedError):
            handle.context.run(handle.callback, *handle.args)
        self.owner = None

    def _close(self) -> None:
        """Closes what has not come to its end, so that nothing of it runs at another time."""
        self._is_over = True
        self._ready.clear()
        self._later.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of what never began
            for task in self._tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    _close(task.get_coro())
            self._tasks.clear()


def _close(coroutine: Any) -> None:
    for _ in range(10):
        try:
            coroutine.close()
            return
        except (Exception, ProcessEndedError):
            continue  # it waits again in a finally


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """No garbage is collected in the middle of a seed: finalizers would run at any moment."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
