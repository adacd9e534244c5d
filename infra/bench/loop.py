"""The command loop against Faust agents: commands per second and per CPU second.

As a program: python -m infra.bench.loop, or `make bench-loop` (--help shows the options).

Each contender runs alone, in a fresh process, and gets the same reports in an input topic of its
own. A tenth of them warms it up. When it has done these it is paused, the rest is appended, and the
clock runs from its resumption to its last event: neither its start nor the speed of the
benchmark's own producer counts.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic
from rich.console import Console

from infra.admin import open_admin, quiet_clients
from infra.bench import report
from infra.bench.contenders import (
    COMMAND_LOOP,
    CONTENDERS,
    SERVICE_INPUT,
    SERVICE_OUTPUT,
    Contender,
    create_program,
    create_service,
)
from infra.bench.job import PARTITIONS, Job
from infra.bench.meter import Measurement, Meter
from infra.bench.records import DRIVERS, append, introductions, reports
from infra.broker import LocalCluster
from infra.errors import BrokerError
from infra.ports import free_ports
from infra.programs import Program
from infra.topics import create_topics

RECORDS_DEFAULT = 20_000
RUNS_DEFAULT = 3
WARM_UP_SHARE = 0.1
# A row's memory of commands is full after this many; from then on rows keep their size.
REPORTS_BEFORE = 64 * DRIVERS
RESULT = Path(".tiffin/bench/loop.json")


def main() -> int:
    """Prints the figures and writes them down; 1 when something can't be measured."""
    arguments = _parser().parse_args()
    console = Console(highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="tiffin-bench-") as directory:
            found = _measure(Path(directory), arguments.records, arguments.runs, console)
    except BrokerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    console.print(report.table(found, arguments.records))
    report.write(arguments.result, found, arguments.records)
    console.print(f"Written to {arguments.result}")
    return 0


class Bench:
    """What is around the contenders: clients of a broker that runs, and the next records.

    Args:
        records: that are measured in each run.
    """

    def __init__(
        self,
        directory: Path,
        bootstrap: str,
        records: int,
        consumer: AIOKafkaConsumer,
        producer: AIOKafkaProducer,
    ) -> None:
        self._directory = directory
        self._bootstrap = bootstrap
        self._records = records
        self._consumer = consumer
        self._producer = producer
        self._logs = directory / "logs"
        self._service = create_service(bootstrap, directory / "tables", self._logs)

    async def prepare(self) -> None:
        """Has the service know all drivers, their rows at their full size."""
        await append(self._producer, "driver.commands", introductions())
        meter = Meter(self._consumer, SERVICE_OUTPUT, self._service)
        self._service.start()
        try:
            await meter.wait(DRIVERS)
            await append(self._producer, SERVICE_INPUT, reports(0, REPORTS_BEFORE))
            await meter.wait(DRIVERS + REPORTS_BEFORE)
        finally:
            self._service.stop()

    async def run(self, number: int, order: Sequence[Contender]) -> dict[str, Measurement]:
        """Measures each contender once, with the same reports."""
        found = {}
        for contender in order:
            if contender.module is None:
                found[contender.name] = await self._race(
                    number, self._service, SERVICE_INPUT, SERVICE_OUTPUT
                )
                continue
            job = await self._create_job(f"bench-{contender.name}-{number}")
            program = create_program(contender.module, job, self._logs)
            found[contender.name] = await self._race(number, program, job.input, job.output)
        return found

    async def _race(
        self, number: int, program: Program, input_topic: str, output_topic: str
    ) -> Measurement:
        warm_up = int(self._records * WARM_UP_SHARE)
        first = REPORTS_BEFORE + number * (warm_up + self._records)
        backlog = list(reports(first + warm_up, self._records))
        meter = Meter(self._consumer, output_topic, program)
        begin = await meter.count()
        await append(self._producer, input_topic, reports(first, warm_up))
        program.start()
        try:
            await meter.wait(begin + warm_up)
            program.pause()
            await append(self._producer, input_topic, backlog)
            return await meter.measure_backlog(begin + warm_up + self._records)
        finally:
            program.stop()

    async def _create_job(self, name: str) -> Job:
        job = Job(
            bootstrap=self._bootstrap,
            group=name,
            input=f"{name}.in",
            output=f"{name}.out",
            directory=str(self._directory / name),
        )
        async with open_admin(self._bootstrap) as admin:
            topics = [NewTopic(topic, PARTITIONS, 1) for topic in (job.input, job.output)]
            await admin.create_topics(topics)
        return job


def _measure(
    directory: Path, records: int, runs: int, console: Console
) -> dict[str, list[Measurement]]:
    cluster = LocalCluster(
        directory / "kafka", free_ports(1)[0], partitions=PARTITIONS, is_lasting=True
    )
    cluster.start()
    try:
        return asyncio.run(_race_all(directory, cluster.bootstrap, records, runs, console))
    finally:
        cluster.stop()


async def _race_all(
    directory: Path, bootstrap: str, records: int, runs: int, console: Console
) -> dict[str, list[Measurement]]:
    await create_topics(bootstrap, PARTITIONS)
    found: dict[str, list[Measurement]] = {contender.name: [] for contender in CONTENDERS}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=2)
    # Quiet: a new topic's partitions have no leader for a moment, and the clients try again.
    with quiet_clients():
        async with consumer, producer:
            bench = Bench(directory, bootstrap, records, consumer, producer)
            console.print(f"{DRIVERS} drivers become known to {COMMAND_LOOP.meaning} ...")
            await bench.prepare()
            for number in range(runs):
                console.print(f"Run {number + 1} of {runs}: {records:,} records each ...")
                turn = number % len(CONTENDERS)
                order = (*CONTENDERS[turn:], *CONTENDERS[:turn])
                for name, measurement in (await bench.run(number, order)).items():
                    found[name].append(measurement)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.bench.loop", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--records", type=_positive, default=RECORDS_DEFAULT, help="of each run")
    parser.add_argument("--runs", type=_positive, default=RUNS_DEFAULT, help="of each contender")
    parser.add_argument("--result", type=Path, default=RESULT, help="the JSON file to write")
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
