"""Forwarding: any worker answers for all, one key or a whole list."""

from pathlib import Path

import httpx
import pytest

from services.common.api import FORWARDED
from services.common.kafka import partition_of
from tests.common.fronts import PARTITIONS, add_rows, check_problem, client, workers


async def test_a_worker_that_stops_answers_503(tmp_path: Path) -> None:
    """Its connections to the other workers are closed while its server still takes requests."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as (first, _), client(first) as http:
        key = next(f"k{n}" for n in range(99) if partition_of(f"k{n}", PARTITIONS) == 2)
        await first.peers.close()
        check_problem(await http.get(f"/tallies/{key}"), 503, "the worker stops")


async def test_a_request_is_answered_by_the_owner_of_its_key(tmp_path: Path) -> None:
    """Whichever worker is asked, with status, body and headers of the owner."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as made:
        keys = [f"k{number}" for number in range(12)]
        for worker in made:
            add_rows(worker, keys)
        for asked in made:
            async with client(asked) as http:
                for number, key in enumerate(keys):
                    owner = made[partition_of(key, PARTITIONS) // 2].front.url
                    answer = (await http.get(f"/tallies/{key}")).json()
                    assert answer == {"key": key, "total": number + 1, "by": owner}
                    posted = await http.post(f"/tallies/{key}", json=[1])
                    assert (posted.status_code, posted.json()) == (202, {"by": owner})
                    assert posted.headers["location"] == f"/tallies/{key}"
                check_problem(await http.get("/tallies/unknown"), 404, "no tally unknown")


@pytest.mark.parametrize("key", ["a b", "a?limit=1", "a#b", "a%2Fb", "ä", "a/b", "a&b;c", "%"])
async def test_a_forwarded_request_keeps_its_path(tmp_path: Path, key: str) -> None:
    """Also where the key has characters that mean something in a URL."""
    async with workers(tmp_path, set(), set(range(PARTITIONS))) as made, client(made[0]) as http:
        url = httpx.URL("http://worker-0").copy_with(raw_path=b"/tallies/" + quoted(key))
        check_problem(await http.get(url), 404, f"there is no tally {key}")


def quoted(key: str) -> bytes:
    """The key, every byte of it in percent code."""
    return b"".join(b"%%%02X" % byte for byte in key.encode())


async def test_a_forwarded_request_is_not_forwarded_again(tmp_path: Path) -> None:
    """Two workers that each take the other for the owner do not play ping-pong."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as made, client(made[0]) as http:
        for worker in made:
            worker.open_partitions = frozenset()
        key = next(f"k{n}" for n in range(99) if partition_of(f"k{n}", PARTITIONS) == 2)
        answer = await http.get(f"/tallies/{key}")
        check_problem(answer, 503, "no worker that is ready")
        answer = await http.get(f"/tallies/{key}", headers={FORWARDED: "x"})
        check_problem(answer, 503, "on its way to another worker")


async def test_a_key_that_nobody_owns_is_unavailable(tmp_path: Path) -> None:
    """After the named wait, and so is an owner that does not answer."""
    async with workers(tmp_path, {0, 1}) as (worker,), client(worker) as http:
        keys = {partition_of(f"k{n}", PARTITIONS): f"k{n}" for n in range(50)}
        check_problem(await http.get(f"/tallies/{keys[2]}"), 503, "no worker that is ready")
        worker.front._ownership.urls[2] = "http://127.0.0.1:9"  # type: ignore[attr-defined]
        check_problem(await http.get(f"/tallies/{keys[2]}"), 503, "does not answer")


async def test_a_list_is_gathered_from_all_workers_newest_first(tmp_path: Path) -> None:
    """Page by page, each row once, the same whoever is asked."""
    async with workers(tmp_path, {0}, {1, 2}, {3}) as made:
        keys = [f"k{number}" for number in range(20)]
        for worker in made:
            add_rows(worker, keys)
        for asked in made:
            async with client(asked) as http:
                for colour, expected in (("", keys[::-1]), ("&colour=red", keys[::-2])):
                    assert await pages(http, f"/tallies?limit=3{colour}") == expected


async def pages(http: httpx.AsyncClient, path: str) -> list[str]:
    """The keys of all pages, the cursor of one beginning the next."""
    keys: list[str] = []
    cursor = ""
    while True:
        page = (await http.get(path + cursor)).json()
        keys += [item["key"] for item in page["items"]]
        if page["cursor"] is None:
            return keys
        cursor = f"&cursor={page['cursor']}"


async def test_a_list_that_would_not_be_whole_is_unavailable(tmp_path: Path) -> None:
    """A partition without worker, a worker that folds still, a worker that does not answer."""
    async with workers(tmp_path, {0, 1}, {2, 3}) as made, client(made[0]) as http:
        assert (await http.get("/tallies")).status_code == 200
        made[1].is_ready = False
        check_problem(await http.get("/tallies"), 503, "answered 503")
        made[1].is_ready = True
        urls = made[0].front._ownership.urls  # type: ignore[attr-defined]
        del urls[3]
        check_problem(await http.get("/tallies"), 503, "not every partition")
        urls[3] = "http://127.0.0.1:9"
        check_problem(await http.get("/tallies"), 503, "does not answer")
