"""The dashboard shows all that a worker tells, and asks for nothing that no worker tells."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from aiokafka import TopicPartition

from services.common.api import create_base_api
from services.common.household import Household
from services.common.progress import Progress
from services.common.settings import CommonSettings
from services.common.worker import ServiceParts
from tests.common import tally

DASHBOARD = Path("infra/dashboards/tiffin.json")
PANEL_TYPES = {"row", "stat", "timeseries"}
COLUMNS = 24


class _Effects:
    running, pausing, oldest_seconds = 1, 0, 0.5

    def __len__(self) -> int:
        return 1


class _Timers:
    late_seconds = 0.0

    def __len__(self) -> int:
        return 0


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[str]:
    """What /metrics of a worker says that owns one partition and recovers another."""
    parts = ServiceParts(
        language=tally.language(),
        decider=tally.decider(),
        create_api=lambda ports: create_base_api("Tallies", "", ports),
    )
    household = Household(CommonSettings(data_dir=tmp_path), [parts])
    worker = cast(Any, household.workers[0])
    worker.table.open(0).apply([tally.appended(0, tally.Added("a", 1), 1)])
    worker._begin = lambda name, work: work.close()
    worker._begin_monitor(
        [SimpleNamespace(records={TopicPartition("tally.commands", 0): 1})],
        SimpleNamespace(timers=_Timers(), effects=_Effects(), is_short=False),
        SimpleNamespace(recoveries=[Progress("tally.events", 1)]),
        SimpleNamespace(assigned=frozenset({0, 1}), open_partitions=frozenset({0})),
    )
    transport = httpx.ASGITransport(household.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as http:
        yield (await http.get("/metrics")).text
    worker.table.close(0)


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    """The file."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return read


def _targets(dashboard: dict[str, Any]) -> Iterator[dict[str, str]]:
    for panel in dashboard["panels"]:
        yield from panel.get("targets", [])


def _families(text: str) -> dict[str, str]:
    """Kinds by family, of ours."""
    return dict(re.findall(r"^# TYPE (tiffin_\w+) (\w+)$", text, re.MULTILINE))


def _asked(dashboard: dict[str, Any]) -> set[str]:
    named = [re.findall(r"\btiffin_\w+", target["expr"]) for target in _targets(dashboard)]
    return {name for names in named for name in names}


def _family(name: str, families: dict[str, str]) -> str:
    base = re.sub("_(bucket|sum|count)$", "", name)
    return base if families.get(base) == "histogram" else name


async def test_the_dashboard_and_the_workers_speak_of_the_same(
    told: str, dashboard: dict[str, Any]
) -> None:
    """Every metric that is asked for exists, and every family is on a panel."""
    families = _families(told)
    assert len(families) > 20
    assert {_family(name, families) for name in _asked(dashboard)} == families.keys()


def test_histograms_are_asked_for_by_their_samples(dashboard: dict[str, Any]) -> None:
    """A quantile needs its buckets by `le`."""
    for target in _targets(dashboard):
        expression = target["expr"]
        if "_seconds_bucket" in expression:
            assert re.match(r"histogram_quantile\(0\.\d+, sum by \(le, ", expression), expression


def test_expressions_are_whole(dashboard: dict[str, Any]) -> None:
    """All brackets are closed, and a legend names only labels that the expression keeps."""
    for target in _targets(dashboard):
        expression = target["expr"]
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing), expression
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", expression))))
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept, expression


def test_the_dashboard_is_one_that_grafana_takes(dashboard: dict[str, Any]) -> None:
    """Panels have a known type, an id of their own and a place in the grid that no other has."""
    panels = dashboard["panels"]
    assert dashboard["schemaVersion"] >= 39
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["type"] in PANEL_TYPES
        assert panel["title"]
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        names = [target["refId"] for target in panel["targets"]]
        assert names
        assert len(set(names)) == len(names)
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", DASHBOARD.read_text()))
    assert used - {"__rate_interval", "__all"} == variables
