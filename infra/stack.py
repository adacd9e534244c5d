"""The whole of Tiffin on one machine: broker, topics, services, and the sandbox around them."""

import asyncio
import os
import secrets
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from infra.broker import LocalCluster
from infra.ports import HOST, free_ports
from infra.programs import Program
from infra.topics import create_topics

SERVICES = ("order", "delivery", "matcher", "driver")
SANDBOX = {"payments": 9001, "pos": 9002, "phones": 9003}
SERVICE_PORT_FIRST = 8001
WEB = "web"
SECRET_FILE = "track-secret"
SECRET_BYTES = 32
SANDBOX_SPEED_MPS = 400.0
SANDBOX_PREPARATION_SECONDS = 5


@dataclass(frozen=True, slots=True)
class StackPlan:
    """Where everything of one stack is. The defaults are the addresses that the README names.

    web_port: where people look on; None for a stack that nobody looks at.
    is_lasting: whether Kafka is to be fast in the long run, or to start soon.
    """

    directory: Path = Path(".tiffin")
    kafka_port: int = 9092
    nodes: int = 1
    partitions: int = 4
    workers: int = 1
    service_ports: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {
            name: (SERVICE_PORT_FIRST + index,) for index, name in enumerate(SERVICES)
        }
    )
    sandbox_ports: Mapping[str, int] = field(default_factory=lambda: dict(SANDBOX))
    web_port: int | None = None
    is_lasting: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def on_free_ports(
        cls,
        directory: Path,
        workers: int = 1,
        nodes: int = 1,
        environment: Mapping[str, str] | None = None,
        with_web: bool = False,
    ) -> "StackPlan":
        """A stack beside others on this machine, for tests and benchmarks."""
        kafka = free_ports(nodes)
        return cls(
            directory=directory,
            kafka_port=kafka[0],
            nodes=nodes,
            workers=workers,
            service_ports={name: tuple(free_ports(workers)) for name in SERVICES},
            sandbox_ports={name: free_ports(1)[0] for name in SANDBOX},
            web_port=free_ports(1)[0] if with_web else None,
            environment=environment or {},
        )

    def url(self, name: str, worker: int = 0) -> str:
        """The base URL of a service's worker, of a program of the sandbox, or of the web front."""
        if name == WEB:
            return f"http://{HOST}:{self.web_port}"
        if name in self.sandbox_ports:
            return f"http://{HOST}:{self.sandbox_ports[name]}"
        return f"http://{HOST}:{self.service_ports[name][worker]}"


class Stack:
    """The processes of one stack; `programs` by name, such as "order" or "order-2"."""

    def __init__(self, plan: StackPlan) -> None:
        self.plan = plan
        self.cluster = LocalCluster(
            plan.directory / "kafka",
            plan.kafka_port,
            plan.nodes,
            plan.partitions,
            is_lasting=plan.is_lasting,
        )
        self.programs: dict[str, Program] = {}
        for name in SERVICES:
            for worker in range(plan.workers):
                self._add_service(name, worker)
        for name in SANDBOX:
            self._add_sandbox(name)
        if plan.web_port is not None:
            self._add_web()

    @property
    def bootstrap(self) -> str:
        """Where Kafka listens."""
        return self.cluster.bootstrap

    def start(self, besides: Collection[str] = ()) -> None:
        """Starts all programs besides these, and returns when all are ready.

        Raises:
            BrokerError, ProgramError: something can't be started; nothing is left running.
        """
        try:
            self.start_broker()
            started = [one for name, one in self.programs.items() if name not in besides]
            for program in started:
                program.start()
            for program in started:
                program.wait_ready()
        except BaseException:
            self.stop()
            raise

    def start_broker(self) -> None:
        """Starts Kafka and creates its topics."""
        self.cluster.start()
        replication = min(3, self.plan.nodes)
        asyncio.run(create_topics(self.bootstrap, self.plan.partitions, replication))

    def stop(self) -> None:
        """Stops all; state stays in the plan's directory."""
        with ThreadPoolExecutor(len(self.programs)) as each:
            list(each.map(Program.stop, self.programs.values()))
        self.cluster.stop()

    def table_directory(self, name: str, worker: int = 0) -> Path:
        """Where a worker keeps its RocksDB."""
        port = self.plan.service_ports[name][worker]
        return self.plan.directory / "tables" / f"{HOST}-{port}"

    def _add_service(self, name: str, worker: int) -> None:
        plan = self.plan
        port = plan.service_ports[name][worker]
        label = name if worker == 0 else f"{name}-{worker + 1}"
        self.programs[label] = Program(
            name=label,
            arguments=(f"services.{name}", "worker", "-l", "info"),
            environment={
                "TIFFIN_BOOTSTRAP": self.bootstrap,
                "TIFFIN_PORT": str(port),
                "TIFFIN_DATA_DIR": str(plan.directory / "tables"),
                "TIFFIN_PAYMENT_URL": plan.url("payments"),
                "TIFFIN_POS_URL": plan.url("pos"),
                "TIFFIN_CALLBACK_URL": plan.url("order"),
                "TIFFIN_PREPARATION_SECONDS": str(SANDBOX_PREPARATION_SECONDS),
                "TIFFIN_DRIVER_SPEED_MPS": str(SANDBOX_SPEED_MPS),
                **plan.environment,
            },
            ready_url=f"{plan.url(name, worker)}/health/ready",
            log=plan.directory / "logs" / f"{label}.log",
        )

    def _add_sandbox(self, name: str) -> None:
        plan = self.plan
        port = {f"TIFFIN_SANDBOX_{name.upper()}_PORT": str(plan.sandbox_ports[name])}
        self.programs[name] = Program(
            name=name,
            arguments=("services.sandbox", name),
            environment={
                **port,
                "TIFFIN_SANDBOX_DATA_DIRECTORY": str(plan.directory / "sandbox"),
                "TIFFIN_SANDBOX_DRIVER_URL": plan.url("driver"),
                "TIFFIN_SANDBOX_ORDER_URL": plan.url("order"),
                "TIFFIN_SANDBOX_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
                **_default("TIFFIN_SANDBOX_SPEED_MPS", str(SANDBOX_SPEED_MPS)),
                **_default("TIFFIN_SANDBOX_PREPARATION_SECONDS", str(SANDBOX_PREPARATION_SECONDS)),
                **plan.environment,
            },
            ready_url=f"{plan.url(name)}/health/live",
            log=plan.directory / "logs" / f"{name}.log",
        )

    def _add_web(self) -> None:
        plan = self.plan
        urls = {
            f"TIFFIN_{name.upper()}_URL": plan.url(name)
            for name in (*SERVICES, *plan.sandbox_ports)
        }
        self.programs[WEB] = Program(
            name=WEB,
            arguments=("infra.web",),
            environment={
                "TIFFIN_BOOTSTRAP": self.bootstrap,
                "TIFFIN_WEB_PORT": str(plan.web_port),
                "TIFFIN_TRACK_SECRET": track_secret(plan.directory / SECRET_FILE),
                **urls,
                **plan.environment,
            },
            ready_url=f"{plan.url(WEB)}/health/live",
            log=plan.directory / "logs" / f"{WEB}.log",
        )


def _default(name: str, value: str) -> dict[str, str]:
    """The setting, unless the environment of the stack's starter has it."""
    return {name: os.environ.get(name, value)}


def track_secret(file: Path) -> str:
    """What the customers' links derive from: made once, so that they outlive a restart."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text()
    with os.fdopen(descriptor, "w") as output:
        output.write(secret := secrets.token_urlsafe(SECRET_BYTES))
    return secret
