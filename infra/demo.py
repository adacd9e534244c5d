"""Places a few orders with a running stack, some for later, and follows them to the door.

As a program: python -m infra.demo (--help shows the options).
"""

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.console import Console

EXAMPLE = Path(__file__).parent / "examples" / "order.json"
FINAL = {"DELIVERED", "REJECTED", "CANCELLED"}
COLOURS = {"DELIVERED": "green", "REJECTED": "red", "CANCELLED": "red"}
CUSTOMER = "demo-customer"
LATER_SECONDS = 10
POLL_SECONDS = 0.5
SECONDS_MAX = 240.0


class DemoError(Exception):
    """The demo can't go on; the text says why."""


def main() -> int:
    """0 when all orders were delivered within SECONDS_MAX."""
    parser = argparse.ArgumentParser(prog="python -m infra.demo", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8001", help="the order service")
    parser.add_argument("--orders", type=int, default=4, help="every other one is for later")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    try:
        with httpx.Client(base_url=arguments.url, timeout=10, trust_env=False) as client:
            orders = _place(client, console, arguments.orders)
            return _follow(client, console, orders)
    except (httpx.HTTPError, DemoError) as error:
        print(f"error: {error} (is `make run` running?)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _place(client: httpx.Client, console: Console, count: int) -> dict[str, str]:
    """Order ids, each with what was asked."""
    example: dict[str, Any] = msgspec.json.decode(EXAMPLE.read_bytes())
    run = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    orders: dict[str, str] = {}
    for number in range(count):
        body = {**example, "reference": f"demo-{run}-{number + 1}", "customer": CUSTOMER}
        asked = "now"
        if number % 2:
            ready_at = datetime.now(UTC) + timedelta(seconds=LATER_SECONDS * (number + 1))
            body["ready_at"] = ready_at.isoformat()
            asked = f"ready at {ready_at:%H:%M:%S}"
        answer = client.post("/orders", json=body)
        if answer.status_code != 202:
            raise DemoError(f"the order was not taken: {answer.status_code} {answer.text}")
        orders[answer.json()["order_id"]] = asked
    console.print(f"Placed {count} orders at {client.base_url}\n")
    return orders


def _follow(client: httpx.Client, console: Console, orders: dict[str, str]) -> int:
    """Prints a line per new status; returns the exit code."""
    until = time.monotonic() + SECONDS_MAX
    last = dict.fromkeys(orders, "")
    while time.monotonic() < until and not all(status in FINAL for status in last.values()):
        for order_id, asked in orders.items():
            answer = client.get(f"/orders/{order_id}")
            if answer.status_code != 200 or answer.json()["status"] == last[order_id]:
                continue
            order = answer.json()
            last[order_id] = order["status"]
            console.print(_line(order_id, asked, order), soft_wrap=True)
        time.sleep(POLL_SECONDS)
    delivered = sum(status == "DELIVERED" for status in last.values())
    console.print(f"\n{delivered} of {len(orders)} orders were delivered.")
    return 0 if delivered == len(orders) else 1


def _line(order_id: str, asked: str, order: dict[str, Any]) -> str:
    facts = []
    if order.get("driver_id"):
        facts.append(f"driver {order['driver_id']}")
    if order.get("eta_at"):
        facts.append(f"ETA {order['eta_at'][11:19]}")
    if order.get("reason"):
        facts.append(order["reason"])
    colour = COLOURS.get(order["status"], "white")
    now = datetime.now(UTC)
    return (
        f"{now:%H:%M:%S}  {order_id[:8]}  ({asked:17})  "
        f"[{colour}]{order['status']:20}[/]  [dim]{', '.join(facts)}[/]"
    )


if __name__ == "__main__":
    raise SystemExit(main())
