"""Figures tell their median, spread, ratio and target; the JSON has all of it."""

from io import StringIO
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from infra.bench.results import Figure, ProcessUse, Section, table, write

RATE = Figure("orders", "/s", (90.0, 110.0, 104.0), floor="floor", target=100.0)
FLOOR = Figure("floor", "/s", (416.0,))
DELAY = Figure("p99", "ms", (1_200.0, 900.0), higher_is_better=False, target=1_000.0)
SECTION = Section(
    "complete", "what [bold] is", (RATE, FLOOR, DELAY), {"order": ProcessUse(1.5, 90)}
)


def test_a_figure_is_the_median_of_its_runs_with_half_their_range() -> None:
    """The spread is a share of the median."""
    assert RATE.median == 104.0
    assert RATE.spread == pytest.approx(10 / 104)
    assert FLOOR.spread == 0.0
    assert Figure("none", "/s", (0.0, 0.0)).spread == 0.0


def test_a_target_is_a_least_or_a_most() -> None:
    """Less is better for times."""
    assert RATE.is_met
    assert FLOOR.is_met is None
    assert DELAY.is_met is False
    assert Figure("p99", "ms", (1_000.0,), higher_is_better=False, target=1_000.0).is_met


def test_a_ratio_is_to_the_median_of_the_floor() -> None:
    """There is none without a floor, and none to nothing."""
    assert SECTION.ratio(RATE) == 0.25
    assert SECTION.ratio(FLOOR) is None
    nothing = Section("none", "", (RATE, Figure("floor", "/s", (0.0,))))
    assert nothing.ratio(RATE) is None


def test_a_floor_that_is_not_there_is_an_error() -> None:
    """A name that is written wrong is not passed over."""
    with pytest.raises(KeyError):
        Section("none", "", (RATE,)).ratio(RATE)


def test_the_table_shows_what_was_found() -> None:
    """Also where a text looks like markup."""
    console = Console(width=100, record=True, file=StringIO())
    console.print(table([SECTION]))
    text = console.export_text()
    for part in (
        "what [bold] is",
        "104 /s",
        "≥ 100 ✓",
        "≤ 1,000 ✗",
        "0.250",
        "ratio to floor",
        "1.500 ms",
        "90 MB",
    ):
        assert part in text


def test_the_file_has_every_run_and_the_machine(tmp_path: Path) -> None:
    """What is shown can be read from it."""
    path = tmp_path / "made" / "bench.json"
    write(path, [SECTION])
    content = orjson.loads(path.read_bytes())
    assert content["machine"]["processors"] > 0
    section = content["sections"]["complete"]
    assert section["figures"]["orders"] == {
        "unit": "/s",
        "median": 104.0,
        "spread": RATE.spread,
        "runs": [90.0, 110.0, 104.0],
        "higher_is_better": True,
        "target": 100.0,
        "is_met": True,
        "floor": "floor",
        "ratio": 0.25,
    }
    assert section["processes"] == {"order": {"cpu_ms_per_item": 1.5, "peak_rss_mb": 90}}
