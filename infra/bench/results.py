"""What benchmarks found: figures of several runs, for people and for machines."""

import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PACKAGES = ("aiokafka", "confluent-kafka", "faust-streaming", "rocksdict", "uvicorn", "msgspec")


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, measured once per run.

    Args:
        unit: such as "/s", "ms" or "MB".
        floor: the name of the figure of the same section that this one is set beside.
        target: what is wanted: at least, or at most where less is better.
    """

    name: str
    unit: str
    runs: tuple[float, ...]
    floor: str | None = None
    higher_is_better: bool = True
    target: float | None = None

    @property
    def median(self) -> float:
        """The median of the runs."""
        return statistics.median(self.runs)

    @property
    def spread(self) -> float:
        """Half of the range of the runs, as a share of the median."""
        if not self.median:
            return 0.0
        return (max(self.runs) - min(self.runs)) / 2 / self.median

    @property
    def is_met(self) -> bool | None:
        """Whether the median reaches the target; None where there is none."""
        if self.target is None:
            return None
        if self.higher_is_better:
            return self.median >= self.target
        return self.median <= self.target


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What one program took: CPU per item in the median run, and the most memory it ever had."""

    cpu_ms_per_item: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark.

    Args:
        what: in one line: what is measured, and how.
        processes: by program.
    """

    name: str
    what: str
    figures: tuple[Figure, ...]
    processes: Mapping[str, ProcessUse] = field(default_factory=dict)

    def figure(self, name: str) -> Figure:
        """The figure of this name.

        Raises:
            KeyError: there is none.
        """
        return {each.name: each for each in self.figures}[name]

    def ratio(self, figure: Figure) -> float | None:
        """How many times the figure is what it is set beside; None where that is nothing."""
        if figure.floor is None:
            return None
        beside = self.figure(figure.floor).median
        return figure.median / beside if beside else None


def table(sections: Sequence[Section]) -> Group:
    """Each section: medians, half of the range around them, and ratios to the floor; then CPU."""
    return Group(*(part for section in sections for part in _shown(section)))


def _shown(section: Section) -> Iterator[RenderableType]:
    yield Padding(Text.assemble((section.name, "bold"), f": {section.what}"), (1, 0, 0, 0))
    figures = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    figures.add_column("")
    for heading in ("median", "±", "target", "ratio"):
        figures.add_column(heading, justify="right", no_wrap=True)
    for figure in section.figures:
        ratio = section.ratio(figure)
        figures.add_row(
            Text(figure.name),
            f"{_number(figure.median)} {figure.unit}",
            f"{figure.spread:.0%}",
            _target(figure),
            "" if ratio is None else f"{ratio:.3f}",
        )
    floors = {figure.floor for figure in section.figures if figure.floor is not None}
    if len(floors) == 1:
        figures.caption = Text(f"ratio to {floors.pop()}")
    yield figures
    if section.processes:
        processes = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        processes.add_column("")
        for heading in ("CPU", "peak memory"):
            processes.add_column(heading, justify="right", no_wrap=True)
        for program, use in section.processes.items():
            processes.add_row(
                Text(program), f"{use.cpu_ms_per_item:.3f} ms", f"{use.peak_rss_mb:,.0f} MB"
            )
        yield processes


def write(path: Path, sections: Sequence[Section]) -> None:
    """Writes all that was measured, as JSON, with what it was measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "measured_at": datetime.now(UTC),
        "machine": machine(),
        "sections": {section.name: _content(section) for section in sections},
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def machine() -> dict[str, Any]:
    """What figures depend on: system, processors, memory, how busy it is, and versions."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "load_1_minute": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _content(section: Section) -> dict[str, Any]:
    return {
        "what": section.what,
        "figures": {
            each.name: {
                "unit": each.unit,
                "median": each.median,
                "spread": each.spread,
                "runs": list(each.runs),
                "higher_is_better": each.higher_is_better,
                "target": each.target,
                "is_met": each.is_met,
                "floor": each.floor,
                "ratio": section.ratio(each),
            }
            for each in section.figures
        },
        "processes": {name: asdict(use) for name, use in section.processes.items()},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign, met = ("≥" if figure.higher_is_better else "≤"), ("✓" if figure.is_met else "✗")
    return f"{sign} {_number(figure.target)} {met}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
