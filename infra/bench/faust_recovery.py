"""A contender: Faust's own recovery of a table from its changelog, measured by itself.

As a program: python -m infra.bench.faust_recovery worker -l info
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import faust
import orjson
from faust.types import StreamT

from infra.bench.faust_app import create_faust_app, input_topic, table_options
from infra.bench.job import PARTITIONS, Job
from infra.bench.recovery_reading import Stopwatch

TABLE = "rows"
READING = "reading.json"


def changelog(group: str) -> str:
    """The topic that the table is recovered from."""
    return f"{group}-{TABLE}-changelog"


def create_app(job: Job) -> faust.App:
    """One worker with one table; writes what its recovery took into the job's directory."""
    app = create_faust_app(job)
    rows = app.Table(TABLE, key_type=bytes, partitions=PARTITIONS, options=table_options())
    began: list[Stopwatch] = []

    async def fold(stream: StreamT[Any]) -> None:
        async for event in stream.events():
            rows[event.key] = event.value

    async def begin(*sender: Any, **facts: Any) -> None:
        began.append(Stopwatch())

    async def write() -> None:
        if began:
            written = Path(job.directory) / f"{READING}.part"
            written.write_bytes(orjson.dumps(asdict(began[-1].reading(0))))
            written.rename(Path(job.directory) / READING)

    app.on_partitions_assigned.connect(begin, weak=False)
    rows.on_recover(write)
    app.agent(input_topic(app, job))(fold)
    return app


if __name__ == "__main__":
    create_app(Job.from_env()).main()
