"""A contender: a plain Faust agent with a table, at least once, as its user guide writes one.

As a program: python -m infra.bench.faust_agent worker -l info
"""

from typing import Any
from uuid import uuid4

import faust
from faust.types import StreamT

from infra.bench.faust_app import (
    create_faust_app,
    input_topic,
    locate,
    output_topic,
    table_options,
)
from infra.bench.job import PARTITIONS, Job


def create_app(job: Job) -> faust.App:
    """One worker with one agent."""
    app = create_faust_app(job)
    located = output_topic(app, job)
    drivers = app.Table("drivers", key_type=bytes, partitions=PARTITIONS, options=table_options())

    async def fold(stream: StreamT[Any]) -> None:
        async for event in stream.events():
            outcome = locate(drivers.get(event.key), event.value, str(uuid4()))
            if outcome is not None:
                drivers[event.key], located_event = outcome
                await located.send(key=event.key, value=located_event)

    app.agent(input_topic(app, job))(fold)
    return app


if __name__ == "__main__":
    create_app(Job.from_env()).main()
