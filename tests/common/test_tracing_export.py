"""The export of spans: nothing waits for the collector, however it behaves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import active_count

import pytest

from services.common.settings import CommonSettings
from services.common.span_export import ExportLimits, SpanExport, span_export
from services.common.tracing import Kind, Span, Tracer
from tests.common.collectors import Collector, Manner, collector
from tests.common.loop_bench import bench
from tests.common.tally import Add

LIMITS = ExportLimits(
    spans_max=50, every_seconds=0.01, answer_seconds_max=0.5, pause_seconds_max=0.5
)
HELD_MAX = 200
AWAY = [Manner.DOWN, Manner.HANGING, Manner.SLOW, Manner.REFUSING, Manner.ENDLESS]


@contextmanager
def exporting(manner: Manner) -> Iterator[tuple[Tracer, SpanExport, Collector]]:
    """A tracer whose spans go to such a collector."""
    with collector(manner) as listening:
        tracer = Tracer("order", HELD_MAX)
        resource = {"service.name": "order", "service.instance.id": "w"}
        export = SpanExport(tracer, f"{listening.url}/v1/traces", resource, LIMITS)
        export.start()
        try:
            yield tracer, export, listening
        finally:
            export.close()


def end(tracer: Tracer, count: int) -> None:
    """So many spans are over."""
    for number in range(count):
        facts = (("key", 'k"ü'), ("attempt", 3))
        span = Span(Kind.CLIENT, "call", "X", "ab" * 16, f"{number + 1:016x}", facts=facts)
        tracer.end(span, "no answer" if number == 0 else "")


def test_spans_come_to_the_collector() -> None:
    """All, once, with what was told of them."""
    with exporting(Manner.PROMPT) as (tracer, export, listening):
        end(tracer, 120)
        export.close(5.0)
        spans = listening.spans()
    assert [each.span for each in spans] == [f"{number + 1:016x}" for number in range(120)]
    assert (export.exported, export.dropped) == (120, 0)
    first = spans[0]
    assert (first.service, first.name, first.error) == ("order", "call X", "no answer")
    assert first.facts == {"key": 'k"ü', "attempt": 3}
    assert max(len(body) for body in listening.bodies) < 50_000


@pytest.mark.parametrize("manner", AWAY)
def test_no_collector_keeps_a_service_from_ending_a_span_or_itself(manner: Manner) -> None:
    """What has no room is counted; the end waits for a second at most."""
    with exporting(manner) as (tracer, export, _):
        began = time.thread_time()
        end(tracer, 20_000)
        assert time.thread_time() - began < 2.0
        assert len(tracer.held) <= HELD_MAX
        assert tracer.dropped >= 20_000 - 100 * HELD_MAX
        until = time.monotonic() + 1.0
        export.close()
        assert time.monotonic() < until + 1.0


@pytest.mark.parametrize("manner", [Manner.PROMPT, *AWAY])
async def test_no_collector_slows_the_loop(tmp_path: Path, manner: Manner) -> None:
    """All is decided and in the log, by one more thread; a figure stands in decision 005."""
    threads = active_count()
    with exporting(manner) as (tracer, _, _):
        async with bench(tmp_path, tracer=tracer) as made:
            await made.take(*(Add(f"k{number % 7}", 1) for number in range(700)), cuts=[100] * 7)
            assert await made.pipeline.drain(20)
            assert made.counters.snapshot() == {"commands_accepted": 700}
        assert active_count() <= threads + 4
        assert len(tracer.held) <= HELD_MAX


def test_a_collector_that_comes_back_is_told_again() -> None:
    """Of what there is room for; what was refused is lost, and counted."""
    with exporting(Manner.REFUSING) as (tracer, export, _):
        end(tracer, 10)
        until = time.monotonic() + 10
        while not export.lost and time.monotonic() < until:
            time.sleep(0.01)
        with collector() as back:
            export._url = f"{back.url}/v1/traces"
            end(tracer, 5)
            while not export.exported and time.monotonic() < until:
                time.sleep(0.01)
            assert len(back.spans()) == 5
    assert (export.exported, export.dropped) == (5, 10)


def test_without_an_endpoint_nothing_is_made() -> None:
    """Neither a queue nor a thread."""
    assert span_export(CommonSettings(), "order") is None


@pytest.mark.parametrize("end", ["", "/", "/v1/traces"])
def test_an_endpoint_is_a_base_or_the_whole_address(end: str) -> None:
    """As people write it."""
    made = span_export(CommonSettings(otlp_endpoint=f"http://127.0.0.1:4318{end}"), "order")
    assert made is not None
    assert made[1]._url == "http://127.0.0.1:4318/v1/traces"
