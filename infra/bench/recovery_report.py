"""The figures of the recovery benchmark, for people and for machines."""

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson
from rich import box
from rich.table import Table

from infra.bench.recovery_reading import Reading

MILLION = 1_000_000

# By log, by way of reading it.
Found = Mapping[str, Mapping[str, Sequence[Reading]]]


def table(found: Found, reference: str) -> Table:
    """Medians over the runs, half of the range around them, and CPU as a ratio to the reference."""
    shown = Table(title="Rebuilding a table from its log", box=box.SIMPLE)
    shown.add_column("median ± half range", no_wrap=True)
    for heading in ("per second", "per CPU second", "1M take", "CPU", "memory"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for log, ways in found.items():
        bare = _median([one.per_cpu_second for one in ways[reference]])
        shown.add_row(f"[bold]{log}")
        for way, readings in ways.items():
            per_cpu = [one.per_cpu_second for one in readings]
            per_second = [one.per_second for one in readings]
            shown.add_row(
                f"  {way}, {readings[0].events:,}",
                _spread(per_second),
                _spread(per_cpu),
                f"{MILLION / _median(per_second):.0f} s",
                f"{bare / _median(per_cpu):.1f}",
                f"{max(one.memory_bytes_max for one in readings) >> 20} MB",
            )
    return shown


def write(path: Path, found: Found) -> None:
    """Writes all that was measured, as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "measured_at": datetime.now(UTC),
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "load_1_minute": os.getloadavg()[0],
            "python": platform.python_version(),
            **{name: version(name) for name in ("aiokafka", "rocksdict", "faust-streaming")},
        },
        "logs": {
            log: {way: [asdict(one) for one in readings] for way, readings in ways.items()}
            for log, ways in found.items()
        },
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _spread(values: Sequence[float]) -> str:
    median = _median(values)
    return f"{median:,.0f} ±{(max(values) - min(values)) / 2 / median:3.0%}"
