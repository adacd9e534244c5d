"""The ports of a service's HTTP front: durable commands in, answers from the tables out."""

import asyncio
import base64
import heapq
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Protocol

import msgspec

from services.common import clock
from services.common.admission import Admission, SenderLimits
from services.common.codec import Language
from services.common.decider import Envelope, Rejected, Row, State
from services.common.event_table import EventTable, Listed
from services.common.kafka import partition_of
from services.common.log import Ack, Appender
from services.common.ownership import Ownership
from services.common.settings import CommonSettings
from services.common.telemetry import EXIT_APPEND_FAILED, die, log

LIST_LIMIT_MAX = 500
RECENT_MAX = 10_000
RECENT_SECONDS = 60.0
OWNER_SECONDS_MAX = 2.0
OWNER_NAP_SECONDS = 0.1


class UnavailableError(Exception):
    """The front can't do it now, though it may in a moment; the text says why."""


class BadCursorError(Exception):
    """A cursor that no list of this service has given."""


class Readiness(Protocol):
    """Which partitions this worker can answer for."""

    @property
    def is_ready(self) -> bool: ...
    @property
    def open_partitions(self) -> frozenset[int]: ...


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """The bounds of commands on their way into the log.

    append_seconds_max: how long a command may wait for the log to say that it has it.
    appends_waiting_max: how many commands may wait so at a time.
    """

    append_seconds_max: float
    appends_waiting_max: int
    sender: SenderLimits = field(default_factory=SenderLimits)

    @classmethod
    def of(cls, settings: CommonSettings) -> "FrontLimits":
        """The bounds that the settings name."""
        return cls(
            settings.front_append_seconds_max,
            settings.front_appends_waiting_max,
            SenderLimits(
                settings.sender_commands_per_second_max,
                settings.sender_commands_burst_max,
                settings.sender_requests_open_max,
                settings.senders_known_max,
            ),
        )


class Front(Generic[State]):
    """What a front asks of its worker."""

    def __init__(
        self,
        url: str,
        language: Language,
        table: EventTable[State],
        appender: Appender,
        ownership: Ownership,
        readiness: Readiness,
        partitions: int,
        limits: FrontLimits,
    ) -> None:
        self.url = url
        self.partitions = partitions
        self._language = language
        self._table = table
        self._appender = appender
        self._ownership = ownership
        self._readiness = readiness
        self._limits = limits
        self._admission = Admission(limits.sender)
        self._waiting = 0
        self._recent: OrderedDict[str, float] = OrderedDict()

    @property
    def is_ready(self) -> bool:
        """True when every table of this worker is folded."""
        return self._readiness.is_ready

    def admitted(self, sender: str) -> AbstractContextManager[None]:
        """The time of one request that wants something written for this sender.

        Raises:
            FloodError: on entry, when the sender asks for more than its share.
        """
        return self._admission.admitted(sender)

    async def send(
        self,
        command: Any,
        command_id: str,
        incoming: Iterable[tuple[str, bytes]] = (),
        order_id: str | None = None,
    ) -> None:
        """Returns once the command is durably in the log.

        Args:
            order_id: of the order that the command is about, where it does not say so itself.

        Raises:
            UnavailableError: the log has not said in time that it is. It may be all the same; the
                same command with the same id can be sent again with no harm.
        """
        key = self._language.key(command)
        envelope = Envelope(
            id=command_id,
            type=type(command).__name__,
            occurred_at=clock.now(),
            causation_id=command_id,
            correlation_id=getattr(command, "order_id", order_id or command_id),
        )
        if self._waiting >= self._limits.appends_waiting_max:
            raise UnavailableError("too many commands wait for the log")
        self._waiting += 1
        acknowledged: Ack | None = None
        try:
            async with asyncio.timeout(self._limits.append_seconds_max):
                acknowledged = await self._appender.command(key, envelope, command, incoming)
                await asyncio.shield(acknowledged)
        except TimeoutError as error:
            raise UnavailableError("the log does not answer") from error
        except Exception as error:
            if acknowledged is not None:
                # After one lost record an idempotent producer takes no more for that partition.
                die(EXIT_APPEND_FAILED, f"the log did not take a command: {error!r}")
            log.exception("a command could not be appended")
            raise UnavailableError("the log does not take commands") from error
        finally:
            self._waiting -= 1

    def remember(self, key: str) -> None:
        """Notes that a new aggregate was acknowledged, until its first event is in the table."""
        self._recent[key] = clock.monotonic()
        self._recent.move_to_end(key)
        while len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)

    def was_acknowledged(self, key: str) -> bool:
        """True when this worker has lately taken the aggregate's first command."""
        return clock.monotonic() - self._recent.get(key, float("-inf")) < RECENT_SECONDS

    async def elsewhere(self, key: str, wait_seconds_max: float = OWNER_SECONDS_MAX) -> str | None:
        """The URL of the worker that owns the key, or None when this worker does.

        Raises:
            UnavailableError: nobody owns the key now, or its table is not folded yet.
        """
        partition = partition_of(key, self.partitions)
        if partition in self._readiness.open_partitions:
            return None
        until = clock.monotonic() + wait_seconds_max
        while True:
            owner = (await self._ownership.owners()).get(partition)
            if partition in self._readiness.open_partitions:
                return None
            if owner is not None and owner != self.url:
                return owner
            if clock.monotonic() > until:
                raise UnavailableError(f"partition {partition} has no worker that is ready")
            await asyncio.sleep(OWNER_NAP_SECONDS)

    async def others(self, wait_seconds_max: float | None = None) -> list[str]:
        """The URLs of all other workers that own a partition.

        Args:
            wait_seconds_max: how long a partition may be without one; OWNER_SECONDS_MAX if None.

        Raises:
            UnavailableError: a partition has no worker that is ready.
        """
        wait_seconds = OWNER_SECONDS_MAX if wait_seconds_max is None else wait_seconds_max
        until = clock.monotonic() + wait_seconds
        while True:
            owners = await self._ownership.owners()
            mine = self._readiness.open_partitions
            missing = set(range(self.partitions)) - mine
            if missing <= {number for number, url in owners.items() if url != self.url}:
                return sorted({owners[number] for number in missing})
            if clock.monotonic() >= until:
                raise UnavailableError("not every partition has a worker that is ready")
            await asyncio.sleep(OWNER_NAP_SECONDS)

    def owns(self, key: str) -> bool:
        """True when this worker answers for the key."""
        return partition_of(key, self.partitions) in self._readiness.open_partitions

    def row(self, key: str) -> Row[State] | None:
        """The row of a key that this worker owns.

        Raises:
            UnavailableError: this worker does not own the key any more.
        """
        partition = partition_of(key, self.partitions)
        if partition not in self._readiness.open_partitions:
            raise UnavailableError(f"partition {partition} has gone to another worker")
        return self._table[partition].row(key)

    def refusal(self, command: Any, command_id: str) -> Rejected | None:
        """Why the command would be refused now; None where it would be taken, or was.

        Raises:
            UnavailableError: this worker does not own the key any more.
        """
        row = self.row(self._language.key(command))
        if row is not None and command_id in row.recent:
            return None
        state = None if row is None else row.state
        outcome = self._table.decider.decide(command, state, clock.now())
        return outcome if isinstance(outcome, Rejected) else None

    def history(self, key: str) -> list[bytes]:
        """The events of a key that this worker owns, as they lie in the log."""
        return self._table[partition_of(key, self.partitions)].history(key)

    def listed(
        self, labels: Mapping[str, str], limit: int, cursor: str | None
    ) -> list[Listed[State]]:
        """Rows of this worker that have all the labels, newest first, at most `limit`.

        Raises:
            BadCursorError: the cursor is none of this service's.
        """
        after = None if cursor is None else decode_cursor(cursor)
        parts = [
            islice(self._table[number].listed(labels, after), limit)
            for number in sorted(self._readiness.open_partitions)
        ]
        merged = heapq.merge(*parts, key=lambda listed: (listed.sort, listed.key))
        return list(islice(merged, limit))


def encode_cursor(sort: str, key: str) -> str:
    """The place in a list behind which the next page begins, as one opaque word."""
    return base64.urlsafe_b64encode(msgspec.json.encode((sort, key))).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[str, str]:
    """The place in a list that a cursor stands for.

    Raises:
        BadCursorError: the word is no cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        sort, key = msgspec.json.decode(
            base64.urlsafe_b64decode(padded.encode("ascii")), type=tuple[str, str]
        )
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursorError(f"the cursor {cursor[:80]!r} is not one that a list gave") from error
    return sort, key
