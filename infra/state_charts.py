"""The states of every aggregate as Mermaid charts, found by walking through its decider.

As a program: python -m infra.state_charts --check says whether the charts that are written down are
those of the deciders; --write writes them.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import state_commands
from infra.state_search import Search, steps
from services.delivery.domain import FINAL as DELIVERY_FINAL
from services.delivery.domain import Delivery, Travel, delivery_decider
from services.driver.domain import Driver, driver_decider
from services.matcher.domain import Region, region_decider
from services.order.domain import Order, OrderStatus, Policy, order_decider
from services.order.domain.order import FINAL as ORDER_FINAL
from services.order.restaurant import Defaults, restaurant_decider

DOCUMENT = Path(__file__).with_suffix(".md")
SNAPSHOT_HOURS = 24.0
# Where a chart begins and ends.
NOWHERE = "[*]"

# What an order remembers for people, or to be late with; it changes none of its states.
ORDER_IGNORED = (
    "cancelled_by",
    "delivered_at",
    "detail",
    "eta_at",
    "expected_ready_at",
    "flags",
    "is_preparation_delayed",
    "is_preparing_too_long",
    "reason",
    "refund_id",
    "undone_refusals",
)

INTRODUCTION = """\
# How the aggregates change

Written by `make state-charts` from the deciders; `make lint` fails where it is not theirs.

Each chart is found by a walk through the states of an aggregate: from each state, at least one
command of every type is tried, and each timer that the state asks for. An arrow is an event; `[*]`
is where a life begins and ends. What stands behind a comma is known besides the status. The tables
tell the events that leave a state as it is.
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """What one chart shows of an aggregate.

    label: the name of a state, NOWHERE where the chart has begun not yet, or has ended.
    final: statuses that are never left.
    tells_rest: whether the events that leave a state as it is are told too.
    """

    title: str
    text: str
    search: Search
    label: Callable[[Any], str]
    final: frozenset[Any] = frozenset()
    tells_rest: bool = True


@dataclass(slots=True)
class Edges:
    """The arrows of a chart, and the names of its states, each in the order of its finding."""

    states: dict[str, None] = field(default_factory=dict)
    changes: dict[tuple[str, str, str], None] = field(default_factory=dict)
    stays: dict[str, set[str]] = field(default_factory=dict)

    def add(self, before: str, event: str, after: str) -> None:
        """Notes one step."""
        for each in (before, after):
            self.states.setdefault(each)
        if before != after:
            self.changes.setdefault((before, after, event))
        elif before != NOWHERE:
            self.stays.setdefault(before, set()).add(event)


def _named(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def order_label(order: Order) -> str:
    """The status of an order, and what is known besides it."""
    is_lost = order.driver_id is None
    match order.status:
        case OrderStatus.CREATED:
            known = "admitted" if order.is_admitted else None
        case OrderStatus.SCHEDULED if order.refusal is None:
            known = "restaurant asked" if order.is_preparation_due else None
        case OrderStatus.SCHEDULED | OrderStatus.IN_PREPARATION:
            known = None if order.refusal is None else "refused"
        case OrderStatus.WAITING_FOR_DRIVER | OrderStatus.IN_DELIVERY:
            known = "driver lost" if is_lost else None
        case _:
            known = None
    return _named(order.status.value, known)


def money_label(order: Order) -> str:
    """Where the customer's money is."""
    return order.payment.value


def delivery_label(delivery: Delivery) -> str:
    """The status of a delivery, and whether the goods were recalled by a cancellation."""
    is_recalled = delivery.status.value == "RETURNING" and delivery.is_recalled
    return _named(delivery.status.value, "recalled" if is_recalled else None)


def offer_label(region: Region) -> str:
    """What a region knows of one delivery."""
    if any(each.delivery_id == state_commands.DELIVERY_ID for each in region.waiting):
        return "WAITING"
    offered = (each.delivery.delivery_id for each in region.offers)
    return "OFFERED" if state_commands.DELIVERY_ID in offered else NOWHERE


def driver_label(driver: Driver) -> str:
    """The status of a driver, and where the goods of its delivery go."""
    work, known = driver.delivery, None
    if work is not None and work.returning:
        known = "returning"
    elif work is not None and work.picked_up:
        known = "picked up"
    return _named(driver.status.value, known)


def silence_label(driver: Driver) -> str:
    """Whether a driver with a delivery is heard."""
    if driver.delivery is None:
        return NOWHERE
    goods = "with goods" if driver.delivery.picked_up else None
    if driver.is_silent:
        return "SILENT"
    return _named("HEARD" if driver.suspected_at is None else "SUSPECTED", goods)


def charts() -> tuple[Chart, ...]:
    """Every chart, in the order of the document."""
    order = Search(
        state_commands.ORDER_ID,
        order_decider(Policy()),
        state_commands.order_commands,
        ignored=frozenset(ORDER_IGNORED),
        summaries={"refunds": lambda refunds: frozenset(each.status for each in refunds)},
    )
    restaurant = Search(
        "r1", restaurant_decider(Defaults(), SNAPSHOT_HOURS), state_commands.restaurant_commands
    )
    delivery = Search(
        state_commands.DELIVERY_ID,
        delivery_decider(Travel(speed_mps=8.0, eta_change_seconds_min=30.0)),
        state_commands.delivery_commands,
        ignored=frozenset({"excluded"}),
    )
    region = Search("north", region_decider(SNAPSHOT_HOURS), state_commands.matcher_commands)
    driver = Search("v1", driver_decider(SNAPSHOT_HOURS), state_commands.driver_commands)
    return (
        Chart(
            "Order",
            "What a customer is told, from the order to the door.",
            order,
            order_label,
            ORDER_FINAL,
        ),
        Chart(
            "Money of an order",
            "Where the customer's money is; refunds and cancellations move it.",
            order,
            money_label,
            tells_rest=False,
        ),
        Chart(
            "Restaurant",
            "Whether a restaurant takes orders; one that nobody has named is open.",
            restaurant,
            lambda state: str(state.status.value),
        ),
        Chart(
            "Delivery",
            "Where the goods are, and who brings them.",
            delivery,
            delivery_label,
            DELIVERY_FINAL,
        ),
        Chart(
            "Offer of a delivery",
            "What the matcher's region knows of one delivery, with two drivers at hand.",
            region,
            offer_label,
        ),
        Chart("Driver", "What a driver's twin knows of its work.", driver, driver_label),
        Chart(
            "Silence of a driver",
            "Whether a driver with a delivery is heard.",
            driver,
            silence_label,
            tells_rest=False,
        ),
    )


def found(chart_of: Sequence[Chart]) -> list[Edges]:
    """The arrows of each chart; one walk serves all charts of an aggregate."""
    edges = [Edges() for _ in chart_of]
    for search in dict.fromkeys(id(chart.search) for chart in chart_of):
        shown = [
            (chart, each)
            for chart, each in zip(chart_of, edges, strict=True)
            if id(chart.search) == search
        ]
        for step in steps(shown[0][0].search):
            for chart, each in shown:
                before = NOWHERE if step.before is None else chart.label(step.before)
                each.add(before, type(step.event).__name__, chart.label(step.after))
    return edges


def drawn(chart: Chart, edges: Edges) -> str:
    """One chart in Markdown."""
    place = {name: number for number, name in enumerate(edges.states)}
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{name}" as {_id(name)}' for name in edges.states if _id(name) != name]
    for before, after, event in sorted(
        edges.changes, key=lambda edge: (place[edge[0]], place[edge[1]], edge[2])
    ):
        lines.append(f"    {_id(before)} --> {_id(after)}: {event}")
    lines += [f"    {_id(name)} --> {NOWHERE}" for name in edges.states if name in chart.final]
    text = "\n".join((f"## {chart.title}", "", chart.text, "", "```mermaid", *lines, "```"))
    if not chart.tells_rest:
        return text
    rows = (
        f"| {name} | {', '.join(sorted(edges.stays[name]))} |"
        for name in edges.states
        if name in edges.stays
    )
    return "\n".join((text, "", "| State | Events that leave it as it is |", "|---|---|", *rows))


def document() -> str:
    """All charts in Markdown."""
    every = charts()
    parts = [drawn(chart, edges) for chart, edges in zip(every, found(every), strict=True)]
    return "\n".join((INTRODUCTION, "\n\n".join(parts), ""))


def _id(name: str) -> str:
    return name if name == NOWHERE else re.sub(r"\W+", "_", name)


def main(words: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.state_charts",
        description="Checks or writes the charts of the states of every aggregate.",
    )
    task = parser.add_mutually_exclusive_group(required=True)
    for name, text in (("--check", "exit 1 unless it is current"), ("--write", "write it")):
        task.add_argument(name, type=Path, nargs="?", const=DOCUMENT, metavar="FILE", help=text)
    arguments = parser.parse_args(words)
    path: Path = arguments.check or arguments.write
    try:
        if arguments.write is not None:
            path.write_text(document())
        elif path.read_text() != document():
            print(
                f"error: {path} is not what the deciders do: run make state-charts", file=sys.stderr
            )
            return 1
    except OSError as error:
        print(f"error: {path}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
