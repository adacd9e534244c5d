"""How fast a table is rebuilt from its log, beside a bare aiokafka consumer and Faust's recovery.

As a program: python -m infra.bench.recovery, or `make bench-recovery` (--help shows the options).

Each run reads each log twice, in a fresh process each time: once with nothing done to the records,
and once through the code that a worker recovers with, into an empty table. Faust recovers a table
of its own from fewer records of the same kind: each is a whole row, so that there is nothing to
fold. The clocks are the processes' own: wall, and CPU time of all threads.
"""

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from rich.console import Console

from infra.admin import open_admin, quiet_clients
from infra.bench import faust_recovery, recovery_report
from infra.bench.contenders import create_program
from infra.bench.job import PARTITIONS, Job
from infra.bench.records import append
from infra.bench.recovery_logs import LOGS, Log, fill
from infra.bench.recovery_reading import READERS, Reading
from infra.broker import LocalCluster
from infra.errors import BrokerError
from infra.ports import free_ports

EVENTS_DEFAULT = 1_000_000
FAUST_EVENTS_DEFAULT = 50_000
RUNS_DEFAULT = 3
RESULT = Path(".tiffin/bench/recovery.json")
FAUST = "faust"
FAUST_LOG = LOGS[1]
FAUST_SECONDS_MAX = 600.0
NAP_SECONDS = 0.2


def main() -> int:
    """Prints the figures and writes them down; 1 when something can't be measured."""
    arguments = _parser().parse_args()
    console = Console(highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="tiffin-bench-") as directory:
            cluster = LocalCluster(Path(directory) / "kafka", free_ports(1)[0], is_lasting=True)
            cluster.start()
            try:
                found = asyncio.run(
                    _measure(Path(directory), cluster.bootstrap, arguments, console)
                )
            finally:
                cluster.stop()
    except BrokerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    console.print(recovery_report.table(found, reference="bare"))
    recovery_report.write(arguments.result, found)
    console.print(f"Written to {arguments.result}")
    return 0


async def _measure(
    directory: Path, bootstrap: str, arguments: argparse.Namespace, console: Console
) -> recovery_report.Found:
    found: dict[str, dict[str, list[Reading]]] = {}
    with quiet_clients():
        for log in LOGS:
            console.print(f"{arguments.events:,} events of {log.meaning} are written ...")
            await create_topic(bootstrap, log.topic, 1)
            await fill(bootstrap, log.topic, log.records(arguments.events))
            ways: dict[str, list[Reading]] = {way: [] for way in READERS}
            found[log.meaning] = ways
            for number, way in itertools.product(range(arguments.runs), READERS):
                console.print(f"  run {number + 1} of {arguments.runs}: {way} ...")
                ways[way].append(await read_log(directory, bootstrap, log, way))
        if arguments.faust_events:
            console.print(f"Faust recovers {arguments.faust_events:,} rows ...")
            found[FAUST_LOG.meaning][FAUST] = [
                await _read_by_faust(directory, bootstrap, f"faust-{number}", arguments)
                for number in range(arguments.runs)
            ]
    return found


async def create_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Creates a topic that there is not yet."""
    async with open_admin(bootstrap) as admin:
        await admin.create_topics([NewTopic(topic, partitions, 1)])


async def read_log(directory: Path, bootstrap: str, log: Log, way: str) -> Reading:
    """What it takes a fresh process to read the log in one of the ways of READERS.

    Raises:
        BrokerError: the process failed.
    """
    table = directory / "table"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.bench.recovery_reading", way, bootstrap, log.topic, table),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    shutil.rmtree(table, ignore_errors=True)
    if process.returncode:
        raise BrokerError(f"reading {log.topic} ended with {process.returncode}")
    return msgspec.json.decode(output, type=Reading)


async def _read_by_faust(
    directory: Path, bootstrap: str, group: str, arguments: argparse.Namespace
) -> Reading:
    job = Job(bootstrap, group, f"{group}.in", f"{group}.out", str(directory / group))
    for topic in (job.input, job.output, faust_recovery.changelog(group)):
        await create_topic(bootstrap, topic, PARTITIONS)
    rows = FAUST_LOG.records(arguments.faust_events)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5) as producer:
        await append(
            producer, faust_recovery.changelog(group), ((key.decode(), row) for key, row in rows)
        )
    program = create_program("infra.bench.faust_recovery", job, directory / "logs")
    written = Path(job.directory) / faust_recovery.READING
    program.start()
    try:
        async with asyncio.timeout(FAUST_SECONDS_MAX):
            while not written.exists():
                if not program.is_running:
                    raise BrokerError(f"{group} ended: {program.last_line()} ({program.log}).")
                await asyncio.sleep(NAP_SECONDS)
    except TimeoutError as error:
        raise BrokerError(f"{group} did not recover in {FAUST_SECONDS_MAX:.0f} s.") from error
    finally:
        program.stop()
    reading = msgspec.json.decode(written.read_bytes(), type=Reading)
    return replace(reading, events=arguments.faust_events)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.bench.recovery", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--events", type=int, default=EVENTS_DEFAULT, help="of each log")
    parser.add_argument("--faust-events", type=int, default=FAUST_EVENTS_DEFAULT, help="0: none")
    parser.add_argument("--runs", type=int, default=RUNS_DEFAULT, help="of each way to read")
    parser.add_argument("--result", type=Path, default=RESULT, help="the JSON file to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
