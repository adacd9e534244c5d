"""Spans: what a worker did for a record, a request or a call, and what led to it.

A record's own span is the one that its traceparent header names: its append. Whoever consumes it
has a span derived from its id and from the consumer's name. So what is done twice is told twice
under the same id, and no span needs to be remembered for its parent to be known.

The span at work is in a context variable, as the cause of what is appended or called meanwhile.
What is told is put in a queue; who is slow to take it away loses what has no room.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable
from contextvars import Context, ContextVar
from enum import IntEnum
from functools import lru_cache, partial
from hashlib import blake2b
from time import time_ns
from typing import Any

import msgspec

from services.common.decider import Envelope
from services.common.log import Ack, Producer
from services.common.telemetry import TRACEPARENT, Headers, hex_of, trace_of

Facts = tuple[tuple[str, str | int], ...]


class Kind(IntEnum):
    """Kinds of spans, numbered as OTLP does."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Span:
    """One thing that was done, from an instant to another.

    trace: 32 hexadecimal digits; empty while nothing has told which it is.
    parent_trace, parent_span: what led to it; in another trace it is linked to.
    subject: the type of the message that it is about, or what else may be left out by name.
    topic, message_id, key, outcome: of a record and what became of it; empty where there is none.
    error: why it has failed, or empty.

    All is plain text in slots: what is held for long in tuples keeps the garbage collector busy.
    """

    __slots__ = (
        "began_ns",
        "ended_ns",
        "error",
        "facts",
        "key",
        "kind",
        "message_id",
        "outcome",
        "parent_span",
        "parent_trace",
        "span_id",
        "subject",
        "topic",
        "trace",
        "verb",
    )

    def __init__(
        self,
        kind: Kind,
        verb: str,
        subject: str,
        trace: str,
        span_id: str,
        parent: tuple[str, str] | None = None,
        facts: Facts = (),
        topic: str = "",
        message_id: str = "",
    ) -> None:
        self.kind = kind
        self.verb = verb
        self.subject = subject
        self.trace = trace
        self.span_id = span_id
        self.parent_trace, self.parent_span = parent or ("", "")
        self.facts = facts
        self.topic = topic
        self.message_id = message_id
        self.key = ""
        self.outcome = ""
        self.error = ""
        self.began_ns = time_ns()
        self.ended_ns = 0

    @property
    def name(self) -> str:
        """What people read first."""
        return f"{self.verb} {self.subject}"


cause: ContextVar[Span | None] = ContextVar("cause", default=None)


class Tracer:
    """Takes the spans of one process until they are exported.

    Args:
        service: the process' name; consumers of one record are told apart by it.
        held_max: spans in memory, of about half a kilobyte each.
        quiet: subjects that are left out.
    """

    def __init__(self, service: str, held_max: int, quiet: Iterable[str] = ()) -> None:
        self.service = service
        self.held: deque[Span] = deque()
        self.dropped = 0
        self._held_max = held_max
        self._quiet = frozenset(quiet)

    def end(self, span: Span, error: str = "") -> None:
        """The span is over; it is told unless there is no room, or nobody wants to know."""
        span.ended_ns = time_ns()
        span.error = error
        if span.subject in self._quiet:
            return
        if len(self.held) >= self._held_max:
            self.dropped += 1
        else:
            self.held.append(span)

    def consume(
        self,
        verb: str,
        message: Envelope,
        order_id: str | None,
        headers: Iterable[tuple[str, bytes]],
        topic: str,
        consumer: str = "",
    ) -> Span:
        """Begins what is done about a record, as the cause of what follows.

        Args:
            consumer: who consumes, where a record may have several.
        """
        parent = trace_of(headers)
        if order_id is not None:
            trace = hex_of(order_id)
        else:
            trace = hex_of(message.correlation_id) if parent is None else parent[0]
        own = _consumer_span(hex_of(message.id)[16:], consumer)
        span = Span(
            Kind.CONSUMER,
            verb,
            message.type,
            trace,
            own,
            parent,
            topic=topic,
            message_id=message.id,
        )
        cause.set(span)
        return span

    def call(self, subject: str, order_id: str, parent: Span | None, facts: Facts) -> Span:
        """Begins a call to the outside world, as the cause of what follows."""
        before = None if parent is None else (parent.trace, parent.span_id)
        span = Span(Kind.CLIENT, "call", subject, hex_of(order_id), new_span_id(), before, facts)
        cause.set(span)
        return span

    def append(self, topic: str, value: bytes | None, headers: Headers | None) -> Span | None:
        """Begins the append of a record, which its own header names; None where none does."""
        named = trace_of(headers or ())
        if named is None:
            return None
        trace, own = named
        parent = None
        if (before := cause.get()) is not None:
            if not before.trace:
                before.trace = trace
            parent = (before.trace, before.span_id)
        told = _told(value)
        return Span(
            Kind.PRODUCER,
            "append",
            told.type,
            trace,
            own,
            parent,
            topic=topic,
            message_id=told.id,
        )


class TracedProducer:
    """A producer whose appends are spans, from the queue until the broker has acknowledged."""

    def __init__(self, producer: Producer, tracer: Tracer) -> None:
        self._producer = producer
        self._tracer = tracer
        self._context = Context()  # one for all: nothing in it is asked for

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Ack:
        """The producer's own."""
        span = self._tracer.append(topic, value, headers)
        ack = await self._producer.send(topic, value, key, partition=partition, headers=headers)
        if span is not None:
            ack.add_done_callback(partial(self._end, span), context=self._context)
        return ack

    def _end(self, span: Span, ack: "asyncio.Future[Any]") -> None:
        failed = "cancelled" if ack.cancelled() else ack.exception()
        self._tracer.end(span, "" if failed is None else str(failed) or type(failed).__name__)


def caused_by_event(event_id: str | None, order_id: str) -> Span | None:
    """The append of an event, as the cause of what follows: of what its state waits for."""
    if event_id is None:
        return None
    span = Span(Kind.PRODUCER, "append", "", hex_of(order_id), hex_of(event_id)[:16])
    cause.set(span)
    return span


def outgoing_trace() -> dict[str, str]:
    """The HTTP headers that tell the outside world what a request is part of."""
    span = cause.get()
    if span is None or not span.trace:
        return {}
    return {TRACEPARENT: f"00-{span.trace}-{span.span_id}-01"}


def new_span_id() -> str:
    """The id of what is done anew each time, such as a call."""
    return f"{random.getrandbits(64) or 1:016x}"


class _Told(msgspec.Struct):
    id: str = ""
    type: str = "record"


_told_decoder = msgspec.json.Decoder(_Told)


def _told(value: bytes | None) -> _Told:
    try:
        return _told_decoder.decode(value or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Told()  # bytes that somebody else has written, on their way to the right partition


def _consumer_span(half: str, consumer: str) -> str:
    return half if not consumer else f"{int(half, 16) ^ _salt(consumer) or 1:016x}"


@lru_cache(maxsize=64)
def _salt(consumer: str) -> int:
    return int.from_bytes(blake2b(consumer.encode(), digest_size=8).digest(), "big")
