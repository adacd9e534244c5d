"""Aggregates of one process: one front, one word on health, metrics of all."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.common.api import Ports, create_base_api
from services.common.household import Household
from services.common.settings import CommonSettings
from services.common.worker import ServiceParts
from tests.common import tally


def _add_routes(api: FastAPI, ports: Ports) -> None:
    @api.get("/seconds")
    async def seconds() -> str:
        return str(ports.live()["service"])


def _parts(name: str) -> ServiceParts:
    language = tally.language(name)
    return ServiceParts(language=language, decider=tally.decider(), add_routes=_add_routes)


@pytest.fixture
def household(tmp_path: Path) -> Household:
    """Two workers that nobody has started."""
    first = ServiceParts(
        language=tally.language(),
        decider=tally.decider(),
        create_api=lambda ports: create_base_api("Tallies", "", ports),
    )
    return Household(CommonSettings(data_dir=tmp_path), (first, _parts("second")))


@pytest.fixture
async def http(household: Household) -> AsyncIterator[httpx.AsyncClient]:
    """A client of their front."""
    transport = httpx.ASGITransport(household.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as made:
        yield made


async def test_the_front_is_one_and_each_aggregate_answers_for_itself(
    http: httpx.AsyncClient,
) -> None:
    """What the second adds is asked of the second."""
    assert (await http.get("/seconds")).json() == "second"


async def test_health_is_that_of_all(household: Household, http: httpx.AsyncClient) -> None:
    """A process with one aggregate that stands is not live, and one that is not open not ready."""
    answer = await http.get("/health/live")
    assert answer.status_code == 200
    assert answer.json()["service"] == tally.language().owner
    assert [each["service"] for each in answer.json()["beside"]] == ["second"]
    ready = await http.get("/health/ready")
    assert ready.status_code == 503
    pulse = household.workers[1].lease.pulses.begin("stands")
    pulse.beat()
    household.workers[1].settings = CommonSettings(stall_warn_seconds=-1.0)
    answer = await http.get("/health/live")
    assert answer.status_code == 503
    assert not answer.json()["live"]
    assert not answer.json()["beside"][0]["live"]


async def test_metrics_are_those_of_all(http: httpx.AsyncClient) -> None:
    """Each sample says which aggregate it is of."""
    text = (await http.get("/metrics")).text
    assert 'aggregate="tally"' in text
    assert 'aggregate="second"' in text


def test_an_aggregate_without_a_way_to_ask_for_it_is_a_mistake(tmp_path: Path) -> None:
    """Nobody could see what it does."""
    mute = ServiceParts(language=tally.language(), decider=tally.decider())
    settings = CommonSettings(data_dir=tmp_path)
    with pytest.raises(ValueError, match="has no front"):
        Household(settings, (mute,))
    first = ServiceParts(
        language=tally.language(), decider=tally.decider(), create_api=lambda _: FastAPI()
    )
    with pytest.raises(ValueError, match="adds nothing"):
        Household(settings, (first, mute))
