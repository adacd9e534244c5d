"""The charts that are written down are those of the deciders, and show all that can happen."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.state_charts import (
    DOCUMENT,
    NOWHERE,
    Chart,
    Edges,
    charts,
    document,
    drawn,
    found,
    main,
)
from infra.state_search import START_AT, Search, Step, TooManyStatesError, steps
from services.common.codec import LANGUAGES
from services.common.decider import Wakeup
from services.common.messages.driver import DriverStatus
from services.common.messages.restaurant import RestaurantStatus
from services.delivery.domain import DeliveryStatus
from services.order.domain import OrderStatus, PaymentStatus

CHARTS = {chart.title: chart for chart in charts()}
SEARCHES = {chart.search.decider.name: chart.search for chart in CHARTS.values()}


@pytest.fixture(scope="module")
def edges() -> dict[str, Edges]:
    """The arrows of each chart."""
    return dict(zip(CHARTS, found(list(CHARTS.values())), strict=True))


@pytest.fixture(scope="module")
def walks() -> dict[str, list[Step]]:
    """Every step of each aggregate."""
    return {name: list(steps(search)) for name, search in SEARCHES.items()}


def test_the_charts_that_are_written_down_are_those_of_the_deciders() -> None:
    """Where they are not, `make state-charts` writes them."""
    assert DOCUMENT.read_text() == document()


@pytest.mark.parametrize("owner", sorted(SEARCHES))
def test_every_command_is_tried(owner: str, walks: dict[str, list[Step]]) -> None:
    """From outside, or by the timer of a state."""
    search = SEARCHES[owner]
    tried = {type(command) for command in search.commands(None, START_AT)}
    for step in walks[owner]:
        agenda = search.decider.agenda(step.after)
        tried |= {type(each.command) for each in agenda if isinstance(each, Wakeup)}
    assert tried == set(LANGUAGES[owner].commands)


@pytest.mark.parametrize("owner", sorted(SEARCHES))
def test_every_event_happens(owner: str, walks: dict[str, list[Step]]) -> None:
    """No event of a language is out of reach of the walk, or of the decider."""
    assert {type(step.event) for step in walks[owner]} == set(LANGUAGES[owner].events)


def test_every_aggregate_has_a_chart() -> None:
    assert set(SEARCHES) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("title", "statuses"),
    [
        ("Order", set(OrderStatus) - {OrderStatus.NEW}),
        ("Money of an order", set(PaymentStatus)),
        ("Restaurant", set(RestaurantStatus)),
        ("Delivery", set(DeliveryStatus)),
        ("Driver", set(DriverStatus)),
    ],
)
def test_every_status_is_on_its_chart(
    title: str, statuses: set[Any], edges: dict[str, Edges]
) -> None:
    shown = {_status(name) for name in edges[title].states if name != NOWHERE}
    assert shown == {status.value for status in statuses}


def test_the_status_of_an_order_never_moves_back(edges: dict[str, Edges]) -> None:
    order = [status.value for status in OrderStatus]
    for before, after, event in edges["Order"].changes:
        if before != NOWHERE:
            assert order.index(_status(before)) <= order.index(_status(after)), event


@pytest.mark.parametrize("title", ["Order", "Delivery"])
def test_a_final_status_is_final_and_every_other_can_end(
    title: str, edges: dict[str, Edges]
) -> None:
    """No event leads out of the end, and from everywhere else some lead to it."""
    chart, found_edges = CHARTS[title], edges[title]
    onward: dict[str, set[str]] = defaultdict(set)
    for before, after, _ in found_edges.changes:
        onward[before].add(after)
    for name in chart.final:
        assert onward[name] == set()
    ends = set(chart.final)
    while more := {name for name in onward if onward[name] & ends} - ends:
        ends |= more
    assert set(found_edges.states) == ends


@pytest.mark.parametrize("title", ["Order", "Delivery"])
def test_whatever_is_not_final_is_looked_at_in_the_end(
    title: str, walks: dict[str, list[Step]]
) -> None:
    """A timer is set, or operators were told already."""
    chart = CHARTS[title]
    for step in walks[chart.search.decider.name]:
        if chart.label(step.after) in chart.final:
            continue
        agenda = chart.search.decider.agenda(step.after)
        assert step.after.flags or any(isinstance(each, Wakeup) for each in agenda), step


def test_a_chart_names_its_states_as_mermaid_takes_them() -> None:
    """A name of several words has an id of one; an event that changes nothing is in the table."""
    order = CHARTS["Order"]
    shown = Edges()
    shown.add(NOWHERE, "OrderCreated", "CREATED")
    shown.add("CREATED", "OrderAdmitted", "CREATED, admitted")
    shown.add("CREATED, admitted", "PaymentDelayed", "CREATED, admitted")
    shown.add("CREATED, admitted", "OrderCancelled", "CANCELLED")
    assert drawn(replace(order, text="Text."), shown).splitlines() == [
        "## Order",
        "",
        "Text.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        '    state "CREATED, admitted" as CREATED_admitted',
        "    [*] --> CREATED: OrderCreated",
        "    CREATED --> CREATED_admitted: OrderAdmitted",
        "    CREATED_admitted --> CANCELLED: OrderCancelled",
        "    CANCELLED --> [*]",
        "```",
        "",
        "| State | Events that leave it as it is |",
        "|---|---|",
        "| CREATED, admitted | PaymentDelayed |",
    ]


def test_a_walk_has_an_end() -> None:
    search: Search = replace(SEARCHES["delivery"], states_max=5)
    with pytest.raises(TooManyStatesError, match="more than 5 states"):
        list(steps(search))


def test_the_program_tells_when_the_charts_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 and what to do; 0 once they are written."""
    monkeypatch.setattr("infra.state_charts.charts", _one_chart)
    path = tmp_path / "charts.md"
    assert main(["--check", str(path)]) == 1
    path.write_text("others")
    assert main(["--check", str(path)]) == 1
    assert "make state-charts" in capsys.readouterr().err
    assert main(["--write", str(path)]) == 0
    assert main(["--check", str(path)]) == 0


def _one_chart() -> tuple[Chart, ...]:
    return (CHARTS["Restaurant"],)


def _status(name: str) -> str:
    return name.split(",")[0]
