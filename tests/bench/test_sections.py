"""Sections of `make bench` in small that need no whole outside world."""

from pathlib import Path

import pytest
from rich.console import Console

from infra.bench import locations, query, recovery_section
from infra.bench.context import Context
from infra.bench.results import Section

SCALE = 0.01

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """One run, and little of all."""
    return Context(tmp_path, runs=1, scale=SCALE, console=Console(quiet=True))


def check(section: Section, programs: set[str]) -> None:
    """Every figure has a run and is positive, and every program is there."""
    for figure in section.figures:
        assert [run > 0 for run in figure.runs] == [True], figure.name
        assert figure.floor is None or section.ratio(figure), figure.name
    assert set(section.processes) == programs
    for use in section.processes.values():
        assert use.peak_rss_mb > 0
    assert sum(use.cpu_ms_per_item for use in section.processes.values()) > 0


async def test_locations_are_folded_and_told_of(context: Context) -> None:
    """Each location is in a twin, and each of a driver on the road in an ETA, or there is none."""
    section = await locations.measure(context)
    check(section, {"kafka", "driver", "delivery", "order", "load generator"})
    into_etas = section.figure("locations into twins and ETAs")
    assert into_etas.median <= section.figure("locations into twins").median
    assert into_etas.target == 10_000.0


async def test_queries_are_answered_by_both_workers(context: Context) -> None:
    """Every answer is the order that was asked for, or there is none."""
    section = await query.measure(context)
    check(section, {"kafka", "order", "load generator"})


async def test_tables_are_rebuilt(context: Context) -> None:
    """All events are read, or there is none."""
    section = await recovery_section.measure(context)
    check(section, {"bare", "recovery"})
