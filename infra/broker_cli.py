"""The program that runs a local cluster with the catalogue's topics, in the foreground or behind.

Exit codes: 0 as asked, 1 an error, 3 `status` found no running cluster.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from infra.broker import PARTITIONS_DEFAULT, PORT_DEFAULT, LocalCluster
from infra.data_directory import (
    end_leftovers,
    leftover_pids,
    lock_directory,
    read_record,
    running_supervisor,
)
from infra.errors import BrokerError
from infra.kafka_files import CACHE_DIRECTORY
from infra.node_plan import REPLICATION_MAX
from infra.ports import HOST, port_is_free
from infra.topics import create_topics

DATA_DEFAULT = CACHE_DIRECTORY / "kafka"
OUTPUT_FILE = "supervisor.out"
CHECK_SECONDS = 0.5
RESTARTS_MAX = 20
STOP_SECONDS_MAX = 90
STOP_POLL_SECONDS = 0.05
EXIT_OK = 0
EXIT_ERROR = 1
EXIT_NOT_RUNNING = 3
READY_WORD = "ready"


def main(words: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    arguments = _arguments(words)
    commands = {"run": _run, "start": _start, "stop": _stop, "status": _status}
    try:
        return commands[arguments.command](arguments)
    except BrokerError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        _report(arguments, str(error))
        return EXIT_ERROR


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.broker", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "run": "run a cluster until Ctrl-C or SIGTERM",
        "start": "start a cluster behind and return when it is ready",
        "stop": "stop the cluster of this directory",
        "status": "tell whether the cluster of this directory runs",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--data", type=Path, default=DATA_DEFAULT, help="data directory")
        if name in ("run", "start"):
            command.add_argument("--port", type=int, default=PORT_DEFAULT, help="first port")
            command.add_argument("--nodes", type=int, default=1, help="1 or 3 brokers")
            command.add_argument("--partitions", type=int, default=PARTITIONS_DEFAULT)
        command.add_argument("--report", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _run(arguments: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    nodes, partitions = arguments.nodes, arguments.partitions
    cluster = LocalCluster(arguments.data, arguments.port, nodes, partitions)
    try:
        cluster.start()
        asyncio.run(create_topics(cluster.bootstrap, partitions, min(nodes, REPLICATION_MAX)))
        print(f"Kafka is ready at {cluster.bootstrap}", flush=True)
        _report(arguments, READY_WORD)
        _supervise(cluster, nodes)
    except KeyboardInterrupt:
        print("Kafka stops", flush=True)
        return EXIT_OK
    finally:
        # A second Ctrl-C must not leave brokers behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        cluster.stop()


def _supervise(cluster: LocalCluster, nodes: int) -> NoReturn:
    """Watch until a signal comes; of three brokers a fallen one is started again."""
    restarts_left = RESTARTS_MAX if nodes > 1 else 0
    while True:
        time.sleep(CHECK_SECONDS)
        if not restarts_left:
            cluster.check()
            continue
        for reason in cluster.restart_ended():
            print(f"{reason} It runs again.", flush=True)
            restarts_left -= 1


def _start(arguments: argparse.Namespace) -> int:
    directory = arguments.data.absolute()
    # Taken and given back at once: an error of the directory is told before anything is started.
    lock_directory(directory).close()
    receiver, sender = os.pipe()
    with (directory / OUTPUT_FILE).open("wb") as output:
        subprocess.Popen(
            [
                *(sys.executable, "-m", "infra.broker", "run"),
                *("--data", str(directory), "--port", str(arguments.port)),
                *("--nodes", str(arguments.nodes), "--partitions", str(arguments.partitions)),
                *("--report", str(sender)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).resolve().parents[1],
            pass_fds=[sender],
            start_new_session=True,
        )
    os.close(sender)
    with os.fdopen(receiver) as reports:
        report = reports.read()
    if report != READY_WORD:
        output_file = directory / OUTPUT_FILE
        raise BrokerError(report or f"The start ended without a word: see {output_file}.")
    return _status(arguments)


def _stop(arguments: argparse.Namespace) -> int:
    directory = arguments.data.absolute()
    supervisor = running_supervisor(directory)
    if supervisor is None:
        return _stop_leftovers(directory)
    os.kill(supervisor, signal.SIGTERM)
    limit = time.monotonic() + STOP_SECONDS_MAX
    while running_supervisor(directory) is not None:
        if time.monotonic() > limit:
            raise BrokerError(
                f"The supervising process {supervisor} did not stop in {STOP_SECONDS_MAX} s."
            )
        time.sleep(STOP_POLL_SECONDS)
    print("Kafka has stopped")
    return EXIT_OK


def _stop_leftovers(directory: Path) -> int:
    record = read_record(directory)
    if record is not None and leftover_pids(directory, record):
        with lock_directory(directory):
            end_leftovers(directory, record)
    else:
        print(f"No Kafka runs in {directory}")
    return EXIT_OK


def _status(arguments: argparse.Namespace) -> int:
    directory = arguments.data.absolute()
    supervisor = running_supervisor(directory)
    record = read_record(directory)
    if record is None or (supervisor is None and not leftover_pids(directory, record)):
        print(f"No Kafka runs in {directory}")
        return EXIT_NOT_RUNNING
    if supervisor is None:
        raise BrokerError(
            f"The supervisor of the brokers in {directory} was killed and left pids "
            f"{leftover_pids(directory, record)}: `stop` ends them, `start` ends and renews them."
        )
    for node, (port, pid) in enumerate(zip(record.ports, record.pids, strict=True), start=1):
        state = "answers no connection" if port_is_free(port) else "listens"
        print(f"broker {node}: {HOST}:{port} {state}, pid {pid}")
    print(f"supervisor: pid {supervisor}, data: {directory}")
    return EXIT_OK


def _report(arguments: argparse.Namespace, text: str) -> None:
    """Tell the process that waits for the start, if there is one, how it went."""
    if arguments.report is None:
        return
    with os.fdopen(arguments.report, "w") as sender:
        sender.write(text)
    arguments.report = None


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
