"""The section `region` of `make bench` in small."""

from pathlib import Path

from rich.console import Console

from infra.bench import region
from infra.bench.__main__ import SECTIONS
from infra.bench.context import Context
from infra.bench.region import FEW, MANY, RegionBench


async def test_a_command_is_measured_with_few_and_many_drivers(tmp_path: Path) -> None:
    """Once per run, and one beside the other."""
    assert SECTIONS["region"] == region.__name__
    context = Context(tmp_path, runs=2, scale=0.001, console=Console(quiet=True))
    section = await region.measure(context)
    assert section.name == "region"
    assert [len(figure.runs) for figure in section.figures] == [2, 2]
    assert all(run > 0 for figure in section.figures for run in figure.runs)
    many, few = section.figures
    assert (f"{MANY:,}" in many.name, f"{FEW:,}" in few.name) == (True, True)
    assert section.ratio(many) == many.median / few.median


def test_as_many_drivers_wait_after_each_delivery(tmp_path: Path) -> None:
    """In turn, so that each command meets a region of the same size."""
    bench = RegionBench(tmp_path, drivers=3)
    before = list(bench.state.available)
    assert bench.cpu_ms(deliveries=4) > 0
    assert list(bench.state.available) == [*before[1:], before[0]]
    assert (len(bench.state.waiting), len(bench.state.offers)) == (0, 0)
    bench.close()
