"""An order is read in one of two ways, and nobody can tell which: a quick one, and FastAPI's own.

FastAPI reads whatever is said to be JSON; the quick way takes what is said to be application/json.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.common.admission import Admission, SenderLimits
from services.order import submissions
from tests.order.fronts import BODY, RESTAURANT, World

QUICK, THOROUGH = "application/json", "application/order+json"
SOON = datetime.now(UTC) + timedelta(hours=5)

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from(["", "1", "1.0", "true", "EUR", "r-1", "x" * 300, "\x00", "a\ud800", "☃"]),
    st.sampled_from([SOON.isoformat(), "2030-01-01", "2030-01-01T10:00", "1893456000", 1893456000]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["name", "latitude"]), st.integers(), max_size=2),
)


def places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a document."""
    if path:
        yield path
    if isinstance(part, dict):
        for name, value in part.items():
            yield from places(value, (*path, name))
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from places(value, (*path, number))


WHOLE = {
    **BODY,
    "delay_seconds": 0,
    "ready_at": SOON.isoformat(),
    "customer": "c-1",
    "more": {"is": "ignored"},
}


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """An order in which something may be wrong, odd, missing or too much."""
    document = json.loads(json.dumps(WHOLE))
    for path in draw(st.lists(st.sampled_from(list(places(WHOLE))), max_size=3)):
        part = document
        try:
            for step in path[:-1]:
                part = part[step]
            if draw(st.booleans()):
                part[path[-1]] = draw(odd_values)
            else:
                del part[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # it went with something around it
    content = json.dumps(document, ensure_ascii=draw(st.booleans()))
    return content.encode(errors="surrogatepass")


def with_items(text: str) -> bytes:
    """An order with these items, as they are written."""
    return json.dumps({**BODY, "items": []}).replace('"items": []', f'"items": {text}').encode()


async def sent(world: World, content: bytes, media_type: str) -> tuple[int, Any, list[Any]]:
    """The answer, and what it put into the log."""
    before = len(world.log.read("order.commands"))
    answer = await world.http.post(
        "/orders",
        content=content,
        headers={"content-type": media_type, "idempotency-key": "k-1"},
    )
    records = [
        {**json.loads(record.value or b""), "occurred_at": None}
        for record in world.log.read("order.commands")[before:]
    ]
    return answer.status_code, answer.json(), records


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=bodies())
@example(content=json.dumps(BODY).encode())
@example(content=b"")
@example(content=b"null")
@example(content=b"[]")
@example(content=b"{")
@example(content=b"\xff\xfe")
@example(content=b"\xef\xbb\xbf" + json.dumps(BODY).encode())
@example(content=json.dumps(BODY).encode("utf-16"))
@example(content=json.dumps(BODY).encode() + b" {}")
@example(content=json.dumps(BODY).replace("500", "5e2").encode())
@example(content=json.dumps(BODY).replace("500", "500.0").encode())
@example(content=json.dumps(BODY).replace("41.9,", "NaN,").encode())
@example(content=json.dumps(BODY).replace("41.9,", "1e400,").encode())
@example(content=json.dumps(BODY)[:-1].encode() + b', "partner": "other"}')
@example(content=with_items("[" * 300 + "]" * 300))
@example(content=with_items("[" * 100_000 + "]" * 100_000))
@example(content=with_items("[]"))
@example(content=json.dumps({**BODY, "reference": "a\ud800"}).encode())
@example(content=json.dumps({**BODY, "payment_token": "a\udfff"}).encode())
@example(
    content=json.dumps({**BODY, "partner": "a\ud800"}, ensure_ascii=False).encode(
        errors="surrogatepass"
    )
)
async def test_both_ways_answer_the_same_and_order_the_same(world: World, content: bytes) -> None:
    """Status, problem details, and the command in the log."""
    world.front._admission = Admission(SenderLimits(1e9, 10**9))
    quick = await sent(world, content, QUICK)
    assert quick == await sent(world, content, THOROUGH)
    assert quick[0] in (202, 400, 422)


async def test_an_order_as_documented_goes_the_quick_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With or without a character set; any other goes FastAPI's way, whatever it is."""
    read: list[bytes] = []
    decoder = submissions._decoder

    class Noting:
        def decode(self, content: bytes) -> Any:
            order = decoder.decode(content)
            read.append(content)
            return order

    monkeypatch.setattr(submissions, "_decoder", Noting())
    content = json.dumps(WHOLE).encode()
    for media_type, is_quick in (
        (QUICK, True),
        (f"{QUICK}; charset=utf-8", True),
        (f"{QUICK} ;charset=UTF-8", True),
        (THOROUGH, False),
        ("text/plain", False),
        ("", False),
    ):
        status, _, _ = await sent(world, content, media_type)
        assert (len(read), status) == ((1, 202) if is_quick else (0, status)), media_type
        read.clear()
    wrong = json.dumps({**BODY, "restaurant": {**RESTAURANT, "location": 1}}).encode()
    assert (await sent(world, wrong, QUICK))[0] == 422
    assert read == []
