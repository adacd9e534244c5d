"""Telemetry: the trace of a record, the counters, and the end of a process."""

import subprocess
import sys

import pytest

from services.common.telemetry import Counters, trace_headers

ORDER_ID = "32a2414e-13d5-5bf8-bbff-a40483e67779"
EVENT_ID = "8c5d18a3-14d8-505a-b0bb-cc2bef5379c3"
DYING = """
import atexit, logging, sys
from services.common.telemetry import die
logging.basicConfig()
atexit.register(sys.stderr.write, "cleaned")
try:
    die(71, "a record was skipped")
finally:
    sys.stderr.write("went on")
"""
TRACE, SPAN = b"ab" * 16, b"cd" * 8


def test_the_trace_of_a_record_derives_from_its_correlation() -> None:
    """The same for all records of an order, the span its own; the same when it is repeated."""
    assert trace_headers(ORDER_ID, EVENT_ID) == [
        ("traceparent", b"00-32a2414e13d55bf8bbffa40483e67779-8c5d18a314d8505a-01")
    ]


def test_the_trace_of_the_cause_is_kept() -> None:
    """With a span of the record's own."""
    incoming = [("x", b"y"), ("traceparent", b"00-" + TRACE + b"-" + SPAN + b"-01")]
    assert trace_headers(ORDER_ID, EVENT_ID, incoming) == [
        ("traceparent", b"00-" + TRACE + b"-8c5d18a314d8505a-01")
    ]


def test_a_record_that_names_its_order_is_in_the_trace_of_the_order() -> None:
    """Whoever asked for it in which trace: timers and calls know only the order."""
    incoming = [("traceparent", b"00-" + TRACE + b"-" + SPAN + b"-01")]
    assert trace_headers("d1", EVENT_ID, incoming, ORDER_ID) == trace_headers(ORDER_ID, EVENT_ID)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nonsense",
        b"00-" + TRACE,
        b"00-" + b"0" * 32 + b"-" + SPAN + b"-01",
        b"00-" + TRACE + b"-" + b"0" * 16 + b"-01",
        b"00-" + b"zz" * 16 + b"-" + SPAN + b"-01",
        b"00-" + b"AB" * 16 + b"-" + SPAN + b"-01",
        b"00-" + b"\xff" * 32 + b"-" + SPAN + b"-01",
        b"00-" + TRACE + b"-" + SPAN + b"-01-more",
    ],
)
def test_an_invalid_trace_is_begun_anew(value: bytes) -> None:
    """As the W3C Trace Context says."""
    assert trace_headers(ORDER_ID, EVENT_ID, [("traceparent", value)]) == trace_headers(
        ORDER_ID, EVENT_ID
    )


@pytest.mark.parametrize("name", ["a", "driver-17", "x" * 200, "küche", "order/1"])
def test_any_correlation_gives_a_valid_trace(name: str) -> None:
    """Of the right length, in hexadecimal digits."""
    ((_, value),) = trace_headers(name, name)
    version, trace, span, flags = value.split(b"-")
    assert (version, len(trace), len(span), flags) == (b"00", 32, 16, b"01")
    int(trace, 16)
    int(span, 16)


def test_counters_add_up() -> None:
    """By name, sorted."""
    counters = Counters()
    counters.add("b")
    counters.add("a", 3)
    counters.add("b", 2)
    assert list(counters.snapshot().items()) == [("a", 3), ("b", 3)]


def test_die_ends_the_process_at_once_with_its_code_and_says_why() -> None:
    """No clean-up runs that could commit or append."""
    ended = subprocess.run([sys.executable, "-c", DYING], capture_output=True, check=False)
    assert ended.returncode == 71
    assert b"exit 71: a record was skipped" in ended.stderr
    assert b"cleaned" not in ended.stderr
    assert b"went on" not in ended.stderr
