"""The figures of the loop benchmark, for people and for machines."""

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson
from rich import box
from rich.table import Table

from infra.bench.contenders import CONTENDERS, REFERENCE
from infra.bench.job import PARTITIONS
from infra.bench.meter import Measurement
from infra.bench.records import DRIVERS

Found = Mapping[str, Sequence[Measurement]]


def table(found: Found, records: int) -> Table:
    """Medians over the runs, half of the range around them, and ratios to the plain Faust agent."""
    shown = Table(title=f"{records:,} driver locations, one event each", box=box.SIMPLE)
    shown.add_column("median ± half range", no_wrap=True)
    for heading in ("per second", "ratio", "per CPU second", "ratio", "lost"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for contender in CONTENDERS:
        cells = []
        for figure in (_per_second, _per_cpu_second):
            summary = _summary(found, contender.name, figure)
            spread = (summary["max"] - summary["min"]) / 2 / summary["median"]
            cells.append(f"{summary['median']:,} ±{spread:4.0%}")
            cells.append(f"{summary['ratio']:.1f}")
        missing = sum(each.missing for each in found[contender.name])
        shown.add_row(contender.meaning, *cells, str(missing))
    return shown


def write(path: Path, found: Found, records: int) -> None:
    """Writes all that was measured, as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "measured_at": datetime.now(UTC),
        "records": records,
        "drivers": DRIVERS,
        "partitions": PARTITIONS,
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "load_1_minute": os.getloadavg()[0],
            "python": platform.python_version(),
            "faust-streaming": version("faust-streaming"),
            "aiokafka": version("aiokafka"),
        },
        "contenders": {
            contender.name: {
                "meaning": contender.meaning,
                "per_second": _summary(found, contender.name, _per_second),
                "per_cpu_second": _summary(found, contender.name, _per_cpu_second),
                "runs": [asdict(each) for each in found[contender.name]],
            }
            for contender in CONTENDERS
        },
    }
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _summary(
    found: Found, name: str, figure: Callable[[Measurement], float]
) -> dict[str, int | float]:
    figures = [figure(each) for each in found[name]]
    median = statistics.median(figures)
    reference = statistics.median(figure(each) for each in found[REFERENCE.name])
    return {
        "median": round(median),
        "min": round(min(figures)),
        "max": round(max(figures)),
        "ratio": round(median / reference, 2),
    }


def _per_second(measurement: Measurement) -> float:
    return measurement.per_second


def _per_cpu_second(measurement: Measurement) -> float:
    return measurement.per_cpu_second
