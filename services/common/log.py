"""The appending end of the log: every record that the runtime writes goes through here."""

import asyncio
import base64
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from services.common import clock, ids
from services.common.codec import encode_command, encode_plain
from services.common.decider import ID_CHARS_MAX, Envelope, Rejected
from services.common.messages.shared import CallMade, CommandRejected, DeadLetter, RecordHeader
from services.common.telemetry import Headers, log, trace_headers

INPUTS = "inputs"
WRITER = "writer"
TEXT_BYTES_MAX = 262_144
KEY_BYTES_MAX = 65_536

_inputs_decoder = msgspec.json.Decoder(dict[str, int])


class Acknowledged(Protocol):
    """Where the broker put a record."""

    @property
    def offset(self) -> int: ...


Ack = asyncio.Future[Acknowledged]


class Record(Protocol):
    """A record as a consumer gives it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Iterable[tuple[str, bytes]]: ...


class Producer(Protocol):
    """An idempotent producer; `send` returns once the record has its place in the queue."""

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Ack: ...


def place_of(record: Record) -> str:
    """topic/partition/offset"""
    return f"{record.topic}/{record.partition}/{record.offset}"


def place_name(place: tuple[str, int]) -> str:
    """topic/partition"""
    return f"{place[0]}/{place[1]}"


async def all_acknowledged(acks: Collection[Ack], seconds_max: float) -> None:
    """Waits until the log has taken all of these, one after the other: many come as one.

    Raises:
        TimeoutError: it has not said so in time.
        KafkaError: it has not taken one.
    """
    until = clock.monotonic() + seconds_max
    for ack in (waited_for := tuple(acks)):
        if not ack.done():
            await asyncio.wait((ack,), timeout=max(0.0, until - clock.monotonic()))
            if not ack.done():
                late = sum(not each.done() for each in waited_for)
                raise TimeoutError(f"{late} of {len(waited_for)} after {seconds_max} s")
        ack.result()


def writer_header(worker: str, generation: int, since: datetime) -> bytes:
    """Who appends an event: a worker, from the instant on at which it took the partition.

    Args:
        generation: of the consumer group, which grows with each assignment.
    """
    return encode_plain({"worker": worker, "generation": generation, "since": since})


def instant_of(record: Record) -> datetime:
    """The instant that the record's timestamp says; year 1 or 9999 where it says none of ours."""
    try:
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        if record.timestamp > 0:
            return datetime.max.replace(tzinfo=UTC)
        return datetime.min.replace(tzinfo=UTC)


def told_by_writer(record: Record) -> tuple[dict[str, int], bytes]:
    """What was settled when this event was appended, the next offset by topic, and its writer."""
    inputs: dict[str, int] = {}
    writer = b""
    for name, value in record.headers:
        if name == INPUTS:
            try:
                inputs = _inputs_decoder.decode(value)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                log.warning("%s does not say what it was decided on", place_of(record))
        elif name == WRITER:
            writer = value
    return inputs, writer


def calls_topic(owner: str) -> str:
    """Where an owner's calls to the outside world are told."""
    return f"{owner}.calls"


class Appender:
    """Writes the records of one owner.

    Args:
        writer: told in the headers of each event: `writer_header`, or nothing.
    """

    def __init__(self, owner: str, producer: Producer, writer: bytes = b"") -> None:
        self.commands_topic = f"{owner}.commands"
        self.events_topic = f"{owner}.events"
        self._rejections_topic = f"{owner}.rejections"
        self._dead_letters_topic = f"{owner}.dead-letters"
        self._calls_topic = calls_topic(owner)
        self._producer = producer
        self.writer = writer
        self._writer = [(WRITER, writer)] if writer else []

    async def command(
        self, key: str, envelope: Envelope, command: Any, incoming: Iterable[tuple[str, bytes]] = ()
    ) -> Ack:
        """Appends a command to the owner's own commands, in the partition of its key."""
        return await self._producer.send(
            self.commands_topic,
            encode_command(envelope, command),
            key.encode(),
            headers=trace_headers(
                envelope.correlation_id, envelope.id, incoming, getattr(command, "order_id", None)
            ),
        )

    async def event(
        self,
        partition: int,
        key: str,
        envelope: Envelope,
        value: bytes,
        incoming: Iterable[tuple[str, bytes]],
        inputs: Mapping[str, int],
        order_id: str | None = None,
    ) -> Ack:
        """Appends an encoded event to the partition that decided it, with what is settled."""
        trace = trace_headers(envelope.correlation_id, envelope.id, incoming, order_id)
        return await self._producer.send(
            self.events_topic,
            value,
            key.encode(),
            partition=partition,
            headers=[*trace, (INPUTS, encode_plain(inputs)), *self._writer],
        )

    async def rejection(
        self,
        key: str,
        command: Envelope,
        rejected: Rejected,
        incoming: Iterable[tuple[str, bytes]] = (),
    ) -> Ack:
        """Publishes that a command was refused, and why, in the trace of the command."""
        rejection = CommandRejected(
            id=ids.derive(command.id, "rejection"),
            type=CommandRejected.__name__,
            occurred_at=command.occurred_at,
            causation_id=command.id,
            correlation_id=command.correlation_id,
            key=key,
            command_type=command.type,
            reason=rejected.reason,
            detail=rejected.detail,
        )
        return await self._producer.send(
            self._rejections_topic,
            encode_plain(rejection),
            key.encode(),
            headers=trace_headers(command.correlation_id, rejection.id, incoming),
        )

    async def call(self, made: CallMade) -> Ack:
        """Tells of a call to the outside world, in the trace of its order."""
        return await self._producer.send(
            self._calls_topic,
            encode_plain(made),
            made.key.encode(),
            headers=trace_headers(made.correlation_id, made.id, order_id=made.correlation_id),
        )

    async def dead_letter(self, record: Record, reason: str) -> Ack:
        """Puts a record aside with the reason and all that is needed to replay it."""
        place = place_of(record)
        letter_id = ids.derive(place, "dead letter")
        key, key_base64 = _readable(record.key)
        value, value_base64 = _readable(record.value)
        letter = DeadLetter(
            id=letter_id,
            type=DeadLetter.__name__,
            occurred_at=instant_of(record),
            causation_id=place,
            correlation_id=key if key and len(key) <= ID_CHARS_MAX else letter_id,
            reason=reason,
            source_topic=record.topic,
            source_partition=record.partition,
            source_offset=record.offset,
            key=key,
            key_base64=key_base64,
            value=value,
            value_base64=value_base64,
            headers=tuple(
                RecordHeader(name, base64.b64encode(content).decode())
                for name, content in record.headers
            ),
        )
        # A longer key is in the letter only: twice in one record it would be more than is taken.
        is_short = record.key is None or len(record.key) <= KEY_BYTES_MAX
        return await self._producer.send(
            self._dead_letters_topic,
            encode_plain(letter),
            record.key if is_short else letter_id.encode(),
            headers=trace_headers(letter.correlation_id, letter_id, record.headers),
        )

    async def forward(self, record: Record, key: str, envelope: Envelope, command: Any) -> Ack:
        """Appends a record again under its right key, where another client put it elsewhere."""
        return await self._producer.send(
            record.topic,
            encode_command(envelope, command),
            key.encode(),
            headers=[*record.headers],
        )


def _readable(content: bytes | None) -> tuple[str | None, str | None]:
    """The content as text, or in base64 where it is long or not UTF-8."""
    if content is None:
        return None, None
    if len(content) <= TEXT_BYTES_MAX:
        try:
            return content.decode(), None
        except UnicodeDecodeError:
            pass  # not text: base64 keeps it
    return None, base64.b64encode(content).decode()
