"""The main job: starts the whole stack, shows each step of each order, stops all on Ctrl-C.

As a program: python -m infra.run (--help shows the options).
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from infra.data_directory import running_supervisor
from infra.errors import BrokerError
from infra.ports import HOST, port_is_free
from infra.programs import Program, ProgramError
from infra.stack import SERVICES, WEB, Stack, StackPlan
from infra.traces import OTLP_PORT, ZIPKIN_PORT
from services.common.codec import LANGUAGES
from services.common.settings import SettingsError
from services.web.settings import Settings

WATCH_SECONDS = 0.5
RESTARTS_MAX = 10
RESTARTS_WITHIN_SECONDS = 60.0
STOP_SECONDS_MAX = 60.0
OTLP_SETTING = "TIFFIN_OTLP_ENDPOINT"

COLOURS = {
    "order": "green",
    "restaurant": "blue",
    "delivery": "cyan",
    "matcher": "magenta",
    "driver": "yellow",
}
QUIET = {"DriverLocated", "DriverHeard", "DeliveryEtaChanged", "OrderEtaChanged"}
SHOWN = (
    "amount_cents",
    "refund",
    "prepare_at",
    "ready_at",
    "driver_id",
    "eta_at",
    "by",
    "reason",
    "detail",
    "flag",
    "wrong_codes",
    "attempts",
    "error",
)


def main() -> int:
    """Runs the stack until Ctrl-C or SIGTERM; 1 when it can't be started."""
    arguments = _parser().parse_args()
    if arguments.stop:
        return stop(arguments.directory)
    console = Console(highlight=False)
    exporting = _exporting()
    try:
        web_port = Settings.from_env(os.environ).web_port
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    plan = StackPlan(directory=arguments.directory, web_port=web_port, environment=exporting)
    if arguments.free_ports:
        plan = StackPlan.on_free_ports(arguments.directory, with_web=True, environment=exporting)
    if plan.web_port is not None and not port_is_free(plan.web_port):
        print(f"error: {_taken(plan.web_port)}", file=sys.stderr)
        return 1
    stack = Stack(plan)
    console.print("Starting Kafka, four services, the sandbox and the web pages ...")
    began_at = time.monotonic()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        stack.start()
    except KeyboardInterrupt:
        return 130
    except (BrokerError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console.print(f"Ready after {time.monotonic() - began_at:.0f} s.\n")
    _print_addresses(console, plan)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_show_and_watch(console, stack))
    console.print("\nStopping; the state stays in", str(plan.directory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stack.stop()
    return 0


def stop(directory: Path) -> int:
    """Has the stack of this directory stop, and waits for it; 1 when it does not."""
    pid = running_supervisor(directory / "kafka")
    if not pid:
        print("Nothing runs.")
        return 0
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS_MAX
    while running_supervisor(directory / "kafka"):
        if time.monotonic() > until:
            print(f"error: pid {pid} did not stop in {STOP_SECONDS_MAX:.0f} s", file=sys.stderr)
            return 1
        time.sleep(WATCH_SECONDS)
    print("Stopped.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.run", description=__doc__)
    parser.add_argument(
        "--directory", type=Path, default=Path(".tiffin"), help="where the state is kept"
    )
    parser.add_argument(
        "--free-ports", action="store_true", help="beside another stack, on whatever is free"
    )
    parser.add_argument("--stop", action="store_true", help="stop the one that runs")
    return parser


def _taken(port: int) -> str:
    return (
        f"port {port}, where the web pages are to be, is taken by another program; "
        f"TIFFIN_WEB_PORT={port + 1} make run puts them elsewhere"
    )


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _exporting() -> dict[str, str]:
    """Has the services export their spans when a collector listens on this machine."""
    if OTLP_SETTING in os.environ or port_is_free(OTLP_PORT):
        return {}
    return {OTLP_SETTING: f"http://{HOST}:{OTLP_PORT}"}


def _print_addresses(console: Console, plan: StackPlan) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("what", "address", "look at"):
        table.add_column(column)
    table.add_row("web pages", plan.url(WEB), "/  /board  /restaurant  /simulator")
    table.add_row("Kafka", f"127.0.0.1:{plan.kafka_port}", "python -m infra.topics --list")
    paths = {
        "order": "/orders",
        "delivery": "/deliveries",
        "matcher": "/regions",
        "driver": "/drivers",
    }
    for name in SERVICES:
        table.add_row(f"{name} service", plan.url(name), f"{paths[name]}  /docs  /health/ready")
    for name, path in {"payments": "/charges", "pos": "/tickets", "phones": "/phones"}.items():
        table.add_row(f"sandbox {name}", plan.url(name), f"{path}  /faults")
    if collector := plan.environment.get(OTLP_SETTING):
        table.add_row(
            "traces", collector, f"http://{HOST}:{ZIPKIN_PORT}/zipkin/ (or Jaeger's, 16686)"
        )
    table.add_row("logs", str(plan.directory / "logs"), "")
    console.print(table)
    console.print(
        "\nTry, in another terminal:\n"
        f"  curl -s {plan.url('order')}/orders -H 'content-type: application/json' "
        "-d @infra/examples/order.json\n"
        f"  curl -s '{plan.url('order')}/orders?limit=5'\n"
        f"  kcat -b 127.0.0.1:{plan.kafka_port} -C -t order.events -o end\n"
        "\nEach step of each order follows; Ctrl-C stops all.\n",
        soft_wrap=True,
    )


async def _show_and_watch(console: Console, stack: Stack) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    tasks = [
        asyncio.create_task(_show_steps(console, stack.bootstrap)),
        asyncio.create_task(_watch(console, stack)),
        asyncio.create_task(stopping.wait()),
    ]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            console.print(f"[red]error:[/] {result}")


async def _watch(console: Console, stack: Stack) -> None:
    """Starts a program that ended again, as a supervisor does in production."""
    ended_at: dict[str, list[float]] = {}
    while True:
        stack.cluster.check()
        for program in stack.programs.values():
            if not program.is_running:
                _restart(console, program, ended_at.setdefault(program.name, []))
        await asyncio.sleep(WATCH_SECONDS)


def _restart(console: Console, program: Program, ended_at: list[float]) -> None:
    now = time.monotonic()
    ended_at[:] = [at for at in ended_at if now - at < RESTARTS_WITHIN_SECONDS]
    if len(ended_at) >= RESTARTS_MAX:
        raise ProgramError(
            f"{program.name} ended {RESTARTS_MAX} times within {RESTARTS_WITHIN_SECONDS:.0f} s: "
            f"{program.last_line()} ({program.log})"
        )
    ended_at.append(now)
    console.print(f"[red]{program.name} ended with {program.exit_code}; starting it again[/]")
    program.start()


async def _show_steps(console: Console, bootstrap: str) -> None:
    """One line per event that is new from now on."""
    consumer = AIOKafkaConsumer(
        *(f"{name}.events" for name in LANGUAGES),
        bootstrap_servers=bootstrap,
        auto_offset_reset="latest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        async for record in consumer:
            _show(console, record.topic.removesuffix(".events"), record.value)
    except KafkaError as error:
        raise ProgramError(f"the event topics can't be read: {error!r}") from error
    finally:
        await consumer.stop()


def _show(console: Console, service: str, value: bytes) -> None:
    event: dict[str, Any] = msgspec.json.decode(value)
    kind = event["type"]
    if kind in QUIET:
        return
    at = str(event["occurred_at"])[11:19]
    order = str(event.get("order_id") or event["correlation_id"])[:8]
    facts = "  ".join(f"{name}={event[name]}" for name in SHOWN if event.get(name) is not None)
    console.print(
        f"{at}  {order:8}  [{COLOURS[service]}]{service:10}  {kind:22}[/]  [dim]{facts}[/]",
        soft_wrap=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
