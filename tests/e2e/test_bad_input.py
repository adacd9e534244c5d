"""Bad input is told, loses nothing, and stops nothing."""

import base64
from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from tests.e2e.world import World, order_id_of

PROBLEM = "application/problem+json"


def _with(order: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The order with one place changed, such as items.0.price_cents."""
    changed = msgspec.json.decode(msgspec.json.encode(order))
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place = changed
    for part in way:
        place = place[part]
    place[last] = value
    return changed  # type: ignore[no-any-return]


IMPOSSIBLE = {
    "negative price": ("items.0.price_cents", -1, "price_cents"),
    "no items": ("items", [], "items"),
    "unknown currency": ("currency", "XQX", "currency"),
    "off the globe": ("destination.latitude", 91, "latitude"),
    "wrong type": ("items.0.quantity", "many", "quantity"),
    "no partner": ("partner", "", "partner"),
    "2 MB of text": ("items.0.name", "x" * 2_000_000, "bytes"),
}


NO_COMMANDS = {
    "not json": (b"not json", "JSON"),
    "no text": (b"\xff\xfe\x00", "JSON"),
    "no object": (b'["a list"]', "object"),
    "unknown type": (b'{"type":"NoSuchThing"}', "NoSuchThing"),
    "nothing": (b"", "JSON"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
async def test_an_impossible_order_over_http_is_refused(world: World, case: str) -> None:
    """4xx problem details name the place, and nothing reaches Kafka."""
    path, value, told = IMPOSSIBLE[case]
    order = world.order()
    answer = await world.client.post(f"{world.url('order')}/orders", json=_with(order, path, value))
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == PROBLEM
    assert told in answer.json()["detail"]
    missing = await world.client.get(f"{world.url('order')}/orders/{order_id_of(order)}")
    assert missing.status_code == 404


async def test_records_that_can_not_be_taken_are_put_aside(world: World) -> None:
    """Each is in order.dead-letters with reason and bytes, and the next good record is taken."""
    bad: dict[str, tuple[bytes, str]] = {}
    for path, value, told in IMPOSSIBLE.values():
        order = world.order()
        content = msgspec.json.encode({"type": "SubmitOrder", **_with(order, path, value)})
        bad[order_id_of(order)] = (content, told)
    for case, (content, told) in NO_COMMANDS.items():
        bad[f"{case} of {world.partner}"] = (content, told)
    good = []
    for key, (content, _) in bad.items():
        await world.produce("order.commands", key.encode(), content, partition=0)
        order = world.order()
        good.append(order_id_of(order))
        record = msgspec.json.encode({"type": "SubmitOrder", **order})
        await world.produce("order.commands", good[-1].encode(), record, partition=0)
    letters = await world.eventually(
        lambda letters: _letters_of(letters, bad), "order.dead-letters", seconds_max=60
    )
    for key, (content, told) in bad.items():
        assert told in letters[key]["reason"], key
        assert letters[key]["source_topic"] == "order.commands"
        assert _value(letters[key]) == content, key
    for order_id in good:
        await world.reaches(order_id, "DELIVERED", seconds_max=120)


def _letters_of(letters: list[dict[str, Any]], keys: Collection[str]) -> dict[str, Any]:
    """The letter of each of the keys, once there is one of all."""
    found = {each["key"]: each for each in letters if each.get("key") in keys}
    return found if len(found) == len(keys) else {}


def _value(letter: dict[str, Any]) -> bytes:
    """The bytes that were put aside."""
    if letter["value"] is None:
        return base64.b64decode(letter["value_base64"])
    return str(letter["value"]).encode()


async def test_a_key_that_does_not_match_is_put_aside(world: World) -> None:
    """The order of another key is not made."""
    order = world.order()
    content = msgspec.json.encode({"type": "SubmitOrder", **order})
    key = f"other-{world.partner}"
    await world.produce("order.commands", key.encode(), content)
    letter = await world.eventually(
        lambda letters: next((each for each in letters if each.get("key") == key), None),
        "order.dead-letters",
    )
    assert order_id_of(order) in letter["reason"]


async def test_a_bad_location_stops_no_driver(world: World) -> None:
    """Records of phones are checked like any other."""
    await world.produce("driver.locations", b"driver-1", b'{"type":"ReportLocation"}')
    letter = await world.eventually(
        lambda letters: next(
            (each for each in letters if each.get("source_topic") == "driver.locations"), None
        ),
        "driver.dead-letters",
    )
    assert "driver_id" in letter["reason"]
    await world.reaches(await world.submit(world.order()), "DELIVERED")


async def test_a_reference_with_other_content_is_refused(world: World) -> None:
    """Over HTTP with 409 at once; over Kafka with a rejection."""
    order = world.order()
    order_id = await world.submit(order)
    await world.reaches(order_id, "DELIVERED")
    other = _with(order, "currency", "EUR")
    answer = await world.client.post(f"{world.url('order')}/orders", json=other)
    assert answer.status_code == 409
    await world.produce_order(other)
    rejection = await world.eventually(
        lambda rejections: next((each for each in rejections if each.get("key") == order_id), None),
        "order.rejections",
    )
    assert rejection["reason"] == "reference_taken"


async def test_an_idempotency_key_is_honoured(world: World) -> None:
    """It stands for the reference, gives the same answer again, and belongs to one order."""
    order = world.order()
    del order["reference"]
    url = f"{world.url('order')}/orders"
    headers = {"Idempotency-Key": f"key-{world.partner}"}
    first = await world.client.post(url, json=order, headers=headers)
    again = await world.client.post(url, json=order, headers=headers)
    assert first.status_code == again.status_code == 202
    assert first.headers["location"] == again.headers["location"]
    order_id = first.json()["order_id"]
    await world.reaches(order_id, "DELIVERED")
    other = {**order, "reference": "another"}
    refused = await world.client.post(url, json=other, headers=headers)
    assert refused.status_code == 422
    assert order_id in refused.json()["detail"]


async def test_a_callback_for_an_unknown_order_is_refused(world: World) -> None:
    """The restaurant is told with 404."""
    url = f"{world.url('order')}/orders/no-such-order/preparation-finished"
    answer = await world.client.post(url)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM
