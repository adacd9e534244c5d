"""A local Kafka cluster of one or three brokers as processes of this machine.

As a program: python -m infra.broker run | start | stop | status (--help shows the options).
"""

import asyncio
import base64
import sys
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

from infra.data_directory import (
    ClusterRecord,
    check_space,
    end_leftovers,
    lock_directory,
    node_directory,
    read_record,
    write_record,
)
from infra.errors import BrokerError
from infra.kafka_files import CACHE_DIRECTORY, find_java, kafka_class_path
from infra.node_plan import (
    BRIEF_JAVA_FLAGS,
    COORDINATOR_PARTITIONS,
    LASTING_JAVA_FLAGS,
    ClusterPlan,
    NodePlan,
    write_node_files,
)
from infra.node_process import NodeProcess
from infra.ports import HOST, free_ports, port_is_free
from infra.readiness import Probe
from infra.start_cache import StartCache

__all__ = ["BrokerError", "LocalCluster"]

PORT_DEFAULT = 9092
PORT_LIMIT = 65_535
PARTITIONS_DEFAULT = 4
NODE_COUNTS = (1, 3)
READY_SECONDS_MAX = 60.0


class LocalCluster:
    """One or three brokers that keep their state in a directory; one run at a time has it.

    Args:
        data_dir: made if missing; what a stopped cluster kept is there again after a start.
        port: of the first broker; the others take the ports that follow it.
        nodes: 1 or 3; with 3 a record has 3 copies, and 2 of them before it is acknowledged.
        partitions: of a topic that is created without saying how many.
        cache_dir: for what makes the next start faster; all clusters share it.
        ready_seconds_max: how long a start may take.
        is_lasting: whether Java is to be fast in the long run, or to start soon.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = PORT_DEFAULT,
        nodes: int = 1,
        partitions: int = PARTITIONS_DEFAULT,
        cache_dir: Path = CACHE_DIRECTORY,
        ready_seconds_max: float = READY_SECONDS_MAX,
        is_lasting: bool = False,
    ) -> None:
        if nodes not in NODE_COUNTS:
            raise BrokerError(f"A local cluster has 1 or 3 nodes, not {nodes}.")
        if not 0 < port <= PORT_LIMIT - nodes:
            raise BrokerError(f"A first port is between 1 and {PORT_LIMIT - nodes}, not {port}.")
        self._directory = data_dir.absolute()
        self._ports = tuple(range(port, port + nodes))
        self._partitions = partitions
        self._cache_directory = cache_dir
        self._ready_seconds_max = ready_seconds_max
        self._java_flags = LASTING_JAVA_FLAGS if is_lasting else BRIEF_JAVA_FLAGS
        self._lock: IO[str] | None = None
        self._cluster_id = ""
        self._replication = 1
        self._processes: dict[int, NodeProcess] = {}

    @property
    def data_dir(self) -> Path:
        """The directory of the cluster's state, absolute."""
        return self._directory

    @property
    def bootstrap(self) -> str:
        """The addresses for clients, in the form that Kafka clients take."""
        return ",".join(f"{HOST}:{port}" for port in self._ports)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the brokers; 0 where none runs."""
        return tuple(process.pid for process in self._processes.values())

    def start(self) -> None:
        """Start all brokers and return when the cluster is ready.

        Brokers that a killed run left behind in this directory are ended first.

        Raises:
            BrokerError: the cluster cannot be started; nothing of it is left running.
        """
        if self._lock is not None:
            raise BrokerError(f"The cluster in {self._directory} is started already.")
        self._lock = lock_directory(self._directory)
        try:
            self._prepare()
            for process in self._processes.values():
                # One broker writes the start cache for all.
                process.start(write_cache=process.node == 1)
                self._write_record()
            self._prove_ready(mend=True)
        except BaseException as error:
            self._kill_all()
            if isinstance(error, OSError):
                raise BrokerError(
                    f"The cluster in {self._directory} cannot be started: {error}."
                ) from error
            raise

    def stop(self) -> None:
        """Stop all brokers cleanly and free the directory; no effect on a stopped cluster."""
        if self._lock is None:
            return
        processes = self._processes.values()
        running = [process for process in processes if process.started and not process.exit_code]
        quorum = 2 * len(running) > len(processes)
        for process in processes:
            process.request_stop()
        for process in processes:
            process.wait_stopped(quorum)
        self._release()

    def kill(self, node: int = 1) -> None:
        """End one broker at once, as a crash would."""
        self._process(node).kill()
        self._write_record()

    def start_node(self, node: int = 1) -> None:
        """Start one broker that was killed, and return when it is ready and in sync again.

        Raises:
            BrokerError: it runs already, ended again, or was not ready in time.
        """
        self.start_nodes((node,))

    def start_nodes(self, nodes: Iterable[int]) -> None:
        """Start brokers that were killed together, and return when all are ready and in sync.

        Raises:
            BrokerError: one runs already, ended again, or was not ready in time.
        """
        for process in map(self._process, nodes):
            if process.started:
                raise BrokerError(f"Broker {process.node} runs already.")
            _check_port(process.plan.port)
            process.start(write_cache=False)
            self._write_record()
        self._prove_ready(mend=True)

    def pause(self, node: int = 1) -> None:
        """Freeze one broker; it keeps its connections and answers nothing."""
        self._process(node).pause()

    def resume(self, node: int = 1) -> None:
        """Let a frozen broker go on."""
        self._process(node).resume()

    def check(self) -> None:
        """Return at once while every started broker runs.

        Raises:
            BrokerError: a broker ended by itself; the text says why.
        """
        for process in self._processes.values():
            if process.exit_code is not None:
                raise BrokerError(process.describe_exit())

    def restart_ended(self) -> list[str]:
        """Start the brokers again that ended by themselves; one sentence for each says why it did.

        Raises:
            BrokerError: one ended again, or was not ready in time.
        """
        ended = [process for process in self._processes.values() if process.exit_code is not None]
        reasons = [process.describe_exit() for process in ended]
        for process in ended:
            self.kill(process.node)
            self.start_node(process.node)
        return reasons

    def wait_ready(self) -> None:
        """Return when a record was acknowledged and a consumer group has read it.

        Every broker that runs must take part and be in sync.

        Raises:
            BrokerError: a broker ended, or the cluster was not ready in time.
        """
        self._prove_ready(mend=False)

    def _prepare(self) -> None:
        known = read_record(self._directory)
        if known is not None:
            end_leftovers(self._directory, known)
            if len(known.ports) != len(self._ports):
                raise BrokerError(
                    f"The data directory {self._directory} holds a cluster of {len(known.ports)} "
                    f"node(s), not {len(self._ports)}: use that number or another directory."
                )
        for port in self._ports:
            _check_port(port)
        check_space(self._directory)
        java = find_java()
        class_path = kafka_class_path(self._cache_directory)
        cache = StartCache.of(java, class_path, self._java_flags, self._cache_directory)
        plan = self._plan()
        self._replication = plan.replication
        self._cluster_id = known.cluster_id if known else _new_cluster_id()
        self._processes = {
            node.node: NodeProcess(node, java, class_path, cache, self._java_flags)
            for node in plan.nodes
        }
        self._write_record()
        for node in plan.nodes:
            write_node_files(plan, node)
        with ThreadPoolExecutor(len(plan.nodes)) as pool:
            list(pool.map(lambda one: one.format(self._cluster_id), self._processes.values()))

    def _plan(self) -> ClusterPlan:
        controller_ports = free_ports(len(self._ports), besides=self._ports)
        nodes = tuple(
            NodePlan(node, port, controller_port, node_directory(self._directory, node))
            for node, (port, controller_port) in enumerate(
                zip(self._ports, controller_ports, strict=True), start=1
            )
        )
        return ClusterPlan(nodes, self._partitions)

    def _prove_ready(self, mend: bool) -> None:
        up = [one for one in self._processes.values() if one.started and not one.paused]
        probe = Probe(
            bootstrap=",".join(f"{HOST}:{one.plan.port}" for one in up),
            nodes=frozenset(one.node for one in up),
            replication=self._replication,
            coordinator_partitions=COORDINATOR_PARTITIONS,
        )
        abandoned = threading.Event()

        def watch() -> None:
            if abandoned.is_set():
                raise BrokerError("The start was interrupted.")
            for process in up if mend else ():
                if process.restart_without_cache():
                    self._write_record()
            self.check()

        # In a thread of its own, because the caller may be inside an event loop.
        with ThreadPoolExecutor(max_workers=1) as pool:
            proof = pool.submit(asyncio.run, probe.run(watch, self._ready_seconds_max))
            try:
                proof.result()
            except TimeoutError as error:
                full = [one for one in up if one.met_full_disk()]
                raise BrokerError(full[0].describe_full_disk() if full else str(error)) from error
            except BaseException:
                abandoned.set()
                raise

    def _kill_all(self) -> None:
        for process in self._processes.values():
            process.kill()
        self._release()

    def _release(self) -> None:
        if self._processes:
            # On a full disk the record keeps old pids: harmless, each is checked before use.
            with suppress(OSError):
                self._write_record()
        self._processes = {}
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    def _write_record(self) -> None:
        write_record(self._directory, ClusterRecord(self._cluster_id, self._ports, self.pids))

    def _process(self, node: int) -> NodeProcess:
        if node not in self._processes:
            raise BrokerError(f"The cluster in {self._directory} has no broker {node} to handle.")
        return self._processes[node]


def _check_port(port: int) -> None:
    if not port_is_free(port):
        raise BrokerError(
            f"Port {port} of {HOST} is taken: end what listens there or choose another with --port."
        )


def _new_cluster_id() -> str:
    # Kafka's form of an id; its command line takes none that begins with a dash.
    return "T" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


if __name__ == "__main__":
    from infra.broker_cli import main

    sys.exit(main())
