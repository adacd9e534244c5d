"""Who is measured: the real driver service, and programs of this package that do as much as it."""

from dataclasses import dataclass
from pathlib import Path

from infra.bench.job import SESSION_SECONDS, Job
from infra.ports import HOST, free_ports
from infra.programs import Program

SERVICE = "driver"
SERVICE_INPUT = "driver.locations"
SERVICE_OUTPUT = "driver.events"


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to do the work; `module` is None for the real service."""

    name: str
    meaning: str
    module: str | None


REFERENCE = Contender("faust-agent", "Faust agent, plain", "infra.bench.faust_agent")
COMMAND_LOOP = Contender("command-loop", "our driver service", None)
CONTENDERS = (
    REFERENCE,
    Contender("faust-contract", "Faust agent, contract", "infra.bench.faust_unit_of_work"),
    COMMAND_LOOP,
    Contender("bare-loop", "aiokafka, no state", "infra.bench.bare_loop"),
)


def create_program(module: str, job: Job, logs: Path) -> Program:
    """A contender of this package."""
    return Program(
        name=job.group,
        arguments=(module, "worker", "-l", "info"),
        environment=job.environment(),
        ready_url="",
        log=logs / f"{job.group}.log",
    )


def create_service(bootstrap: str, tables: Path, logs: Path) -> Program:
    """A worker of the driver service, with the settings that it has by itself."""
    port = free_ports(1)[0]
    return Program(
        name=SERVICE,
        arguments=(f"services.{SERVICE}", "worker", "-l", "info"),
        environment={
            "TIFFIN_BOOTSTRAP": bootstrap,
            "TIFFIN_PORT": str(port),
            "TIFFIN_DATA_DIR": str(tables),
            "TIFFIN_SESSION_SECONDS": str(SESSION_SECONDS),
        },
        ready_url=f"http://{HOST}:{port}/health/ready",
        log=logs / f"{SERVICE}.log",
    )
