"""Histograms of commands, statuses, calls and requests, and counts of rows by status."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.common import clock, metrics
from services.common.decider import Envelope, Rejected, Row
from services.common.decisions import Decisions
from services.common.durations import OTHER, SERIES_MAX, Durations
from services.common.event_table import TablePartition
from services.common.metrics import Metrics
from services.common.telemetry import REASONS_MAX, Counters
from services.common.timed_requests import TimedRequests
from tests.common import loop_bench, tally
from tests.common.loop_bench import bench
from tests.common.memory_log import LogRecord
from tests.common.tally import EPOCH, Add, Added, Tally
from tests.common.test_metrics import told

DECIDER = replace(
    tally.decider(),
    labels=lambda each: {"status": each.colour},
    stage=lambda each: (each.colour, "now"),
)
RECORD = LogRecord("tally.commands", 0, 0, 0, b"a", b"", [])


def _named(made: Durations) -> dict[tuple[str, ...], tuple[int, float]]:
    return {labels: (sum(series.counts), series.seconds) for labels, series in made}


def _row(colour: str, seconds: float, version: int = 1) -> Row[Tally]:
    at = EPOCH + timedelta(seconds=seconds)
    return Row(version, at, {}, (), Tally("a", 1, colour, EPOCH, at))


def _envelope(seconds: float) -> Envelope:
    return Envelope("c", "Add", EPOCH + timedelta(seconds=seconds), "c", "c")


def test_a_duration_is_in_the_bucket_of_its_bound() -> None:
    """Buckets add up, as Prometheus wants them; less than nothing counts as nothing."""
    made, family = Metrics("order", "a"), Durations("waits", "Waits.", ["kind"], [1.0, 5.0])
    for seconds in (-3.0, 1.0, 2.0, 9.0):
        family.add(("x",), seconds)
    made.add(partial(metrics.duration_families, family))
    values = told(made)
    buckets = [values["waits_bucket", f"kind=x,le={bound}"] for bound in ("1.0", "5.0", "+Inf")]
    assert buckets == [2, 3, 4]
    assert (values["waits_count", "kind=x"], values["waits_sum", "kind=x"]) == (4, 12)


def test_labels_are_so_many_at_most() -> None:
    """What comes after is told together."""
    family, counters = Durations("waits", "Waits.", ["a", "b"], [1.0]), Counters()
    for number in range(SERIES_MAX + 9):
        family.add((str(number), ""), 0.0)
    assert len(_named(family)) == SERIES_MAX + 1
    assert _named(family)[OTHER, OTHER] == (9, 0.0)
    for number in range(REASONS_MAX + 9):
        counters.add_reason(str(number))
    assert counters.reasons[OTHER] == 9


def test_a_command_and_a_new_status_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the log's instant to now, and from the aggregate's first instant to the event's."""
    monkeypatch.setattr(clock, "now", lambda: EPOCH + timedelta(seconds=40))
    counters = Counters()
    decisions = Decisions(DECIDER, counters)
    first, red, still = _row("white", 0), _row("red", 30, 2), _row("red", 35, 3)
    for at, before, after in ((0, None, first), (30, first, red), (35, red, still)):
        decisions.accepted(RECORD, "a", _envelope(at), _envelope(at), before, after)
    assert _named(counters.command_seconds) == {("Add",): (3, 40.0 + 10.0 + 5.0)}
    assert _named(counters.status_seconds) == {
        ("white", "now"): (1, 0.0),
        ("red", "now"): (1, 30.0),
    }


def test_refusals_are_counted_by_reason() -> None:
    """And told so, next to their number."""
    made, counters = Metrics("order", "a"), Counters()
    made.add(partial(metrics.counter_families, counters))
    for reason in ("late", "late", "early"):
        Decisions(DECIDER, counters).rejected(RECORD, "a", _envelope(0), Rejected(reason, ""))
    values = told(made)
    assert values["tiffin_rejections_total", "reason=late"] == 2
    assert values["tiffin_rejections_total", "reason=early"] == 1
    assert values["tiffin_commands_total", "outcome=rejected"] == 3
    assert not list(counters.command_seconds)


async def test_what_is_replayed_is_not_timed_again(tmp_path: Path) -> None:
    """Neither events that are folded again nor commands that come again."""
    async with bench(tmp_path / "first") as b:
        await b.take(Add("a", 1), Add("b", 1))
        assert await b.pipeline.drain(5)
        assert _named(b.counters.command_seconds)["Add",][0] == 2
        log = b.log
    async with bench(tmp_path / "second", log) as b:
        assert b.total("a") == 1
        await b.pipeline.take(loop_bench.INPUT, log.read(loop_bench.INPUT))
        assert await b.pipeline.drain(5)
        assert b.counters.snapshot() == {"commands_repeated": 2}
        assert not list(b.counters.command_seconds)


def test_a_table_knows_how_many_there_are_by_status(tmp_path: Path) -> None:
    """Through changes, restarts, events that lose, and a rebuild; none is told of no row."""
    table = TablePartition(tmp_path / "table", DECIDER)
    table.apply([tally.appended(n, Added(key, 1, "red"), 1) for n, key in enumerate("abc")])
    assert table.counts == {"red": 3}
    table.apply([tally.appended(3, Added("a", 1, "blue"), 2)])
    table.apply([tally.appended(4, Added("a", 1, "white"), 2)])  # loses
    assert table.counts == {"blue": 1, "red": 2}
    table.skip_to(9)
    table.close()
    table = TablePartition(tmp_path / "table", DECIDER)
    assert table.counts == {"blue": 1, "red": 2}
    table.apply([tally.appended(9, Added("a", 1, "red"), 3)])
    assert table.counts == {"red": 3}
    table.clear()
    assert table.counts == {}
    table.close()


def test_rows_without_a_status_are_counted_together(tmp_path: Path) -> None:
    """As regions and tallies have none."""
    table = TablePartition(tmp_path / "table", tally.decider())
    table.apply([tally.appended(n, Added(key, 1), 1) for n, key in enumerate("ab")])
    assert table.counts == {"": 2}
    table.close()


async def test_requests_are_timed_by_route_and_status() -> None:
    """Paths and methods that a client makes up are told together; so is what breaks."""
    api, seconds = FastAPI(), Durations("http", "", ["method", "route", "status"], [1.0])
    api.add_middleware(TimedRequests, seconds=seconds)

    @api.get("/things/{name}")
    async def thing(name: str) -> str:
        return str(1 / int(name))

    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://front") as http:
        for method, path in (
            ("GET", "/things/1"),
            ("GET", "/things/2"),
            ("GET", "/things/0"),
            ("GET", "/secret/path"),
            ("SECRET", "/things/1"),
        ):
            await http.request(method, path)
    assert {labels: count for labels, (count, _) in _named(seconds).items()} == {
        ("GET", "/things/{name}", "200"): 2,
        ("GET", "/things/{name}", "500"): 1,
        ("GET", OTHER, "404"): 1,
        (OTHER, "/things/{name}", "405"): 1,
    }
