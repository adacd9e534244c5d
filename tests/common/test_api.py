"""Answers of a front: errors are problem details, and health and metrics are told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.common.front import FrontLimits
from services.common.limited_body import BODY_BYTES_MAX
from tests.common.fronts import REQUESTS, SENDER, One, check_problem

JSON = {"content-type": "application/json"}


async def test_an_unknown_path_is_a_problem(one: One) -> None:
    """404, and so is a known path with an unknown key."""
    _, http = one
    check_problem(await http.get("/nowhere"), 404, "Not Found")
    check_problem(await http.get("/tallies/a"), 404, "there is no tally a")


async def test_a_front_makes_no_spans_but_its_own(
    one: One, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI, which would make some, does not even look for a provider at each request."""
    for provider in ("trace.get_tracer_provider", "metrics.get_meter_provider"):
        monkeypatch.delattr(f"opentelemetry.{provider}")
    assert (await one[1].get("/health/live")).status_code == 200


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(one: One) -> None:
    """405 with Allow, as HTTP demands (RFC 9110, 15.5.6)."""
    answer = await one[1].delete("/health/live")
    check_problem(answer, 405, "Method Not Allowed")
    assert answer.headers["allow"] == "GET"


async def test_a_body_that_is_too_long_is_a_problem(one: One) -> None:
    """413 by its announced length, whatever that looks like."""
    worker, http = one
    check_problem(
        await http.post("/tallies/a", content=b" " * (BODY_BYTES_MAX + 1)), 413, "at most"
    )
    for length in ("-1", "1e3", "²", "9" * 40, ""):
        answer = await http.post(
            "/tallies/a", content=b"[1]", headers={b"content-length": length.encode("latin-1")}
        )
        check_problem(answer, 413, "bytes")
    assert list(worker.producer.log.records) == []


async def test_a_body_of_unknown_length_is_a_problem(one: One) -> None:
    """411: a chunked body could be endless."""

    async def body() -> AsyncIterator[bytes]:
        yield b"[1]"

    check_problem(await one[1].post("/tallies/a", content=body()), 411, "Content-Length")


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b'["x"]', "body/0"),
        (b'{"a":1}', "body"),
        (b"[1,", "body/"),
        (b"", "body"),
        (b'["\\ud800"]', "body/0"),
    ],
)
async def test_a_body_of_another_shape_is_a_problem_with_its_place(
    one: One, body: bytes, at: str
) -> None:
    """422, with where and what in words, for each error."""
    worker, http = one
    answer = await http.post("/tallies/a", content=body, headers=JSON)
    content = check_problem(answer, 422, at)
    assert content["errors"][0]["at"].startswith(at)
    assert content["errors"][0]["problem"]
    assert list(worker.producer.log.records) == []


async def test_bytes_that_are_no_text_are_a_problem(one: One) -> None:
    """4xx, not a failure of the service."""
    answer = await one[1].post("/tallies/a", content=b"\xff\xfe", headers=JSON)
    assert answer.headers["content-type"] == "application/problem+json"
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "cursor=%F0%9F%8D%9B", "cursor=AAAA"]
)
async def test_an_impossible_page_is_a_problem(one: One, query: str) -> None:
    """422, with what is wrong."""
    check_problem(await one[1].get(f"/tallies?{query}"), 422, query.split("=")[0])


async def test_a_failure_is_a_problem_that_tells_no_secrets(one: One) -> None:
    """500 with the kind of error only."""
    content = check_problem(await one[1].get("/broken"), 500, "KeyError")
    assert "secret" not in content["detail"]


async def test_what_is_unavailable_says_when_to_try_again(one: One) -> None:
    """503 with Retry-After, where the log does not answer in time."""
    worker, http = one
    worker.producer.is_prompt = False
    worker.front._limits = FrontLimits(0.02, 3)
    answer = await http.post("/tallies/a", json=[1])
    check_problem(answer, 503, "does not answer")
    assert answer.headers["retry-after"] == "1"


async def test_a_sender_who_floods_is_told_when_to_ask_again(one: One) -> None:
    """429 with Retry-After, for that sender alone."""
    _, http = one
    for _ in range(SENDER.burst_max):
        assert (await http.post("/senders/greedy")).status_code == 204
    answer = await http.post("/senders/greedy")
    check_problem(answer, 429, "greedy asks more often than 0.001 times a second")
    assert 900 < int(answer.headers["retry-after"]) <= 1000
    assert (await http.post("/senders/modest")).status_code == 204


async def test_a_front_works_on_so_many_requests_at_a_time(one: One) -> None:
    """More are told when to ask again, and health is answered all the same."""
    worker, http = one
    worker.producer.is_prompt = False
    count = REQUESTS.open_max
    open_ = [asyncio.create_task(http.post(f"/tallies/{n}", json=[1])) for n in range(count)]
    while len(worker.producer.waiting) < count:
        await asyncio.sleep(0.001)
    answer = await http.get("/tallies/a")
    check_problem(answer, 503, f"{count} requests are open already")
    assert answer.headers["retry-after"] == "1"
    assert (await http.get("/health/live")).status_code == 200
    worker.producer.acknowledge()
    assert [each.status_code for each in await asyncio.gather(*open_)] == [202] * count
    check_problem(await http.get("/tallies/a"), 404, "no tally")


async def test_health_says_what_is_and_answers_503_when_it_is_not(one: One) -> None:
    """For people and for probes."""
    worker, http = one
    assert (await http.get("/health/live")).json() == {"live": True}
    assert (await http.get("/health/ready")).status_code == 200
    worker.is_live = worker.is_ready = False
    assert (await http.get("/health/live")).status_code == 503
    assert (await http.get("/health/ready")).status_code == 503


async def test_metrics_are_given_in_the_text_format_of_prometheus(one: One) -> None:
    """As the worker tells them."""
    _, http = one
    answer = await http.get("/metrics")
    assert (answer.status_code, answer.content) == (200, b"a 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
