"""Queues beside a plain list, and how they are stored."""

from typing import Any

import msgspec
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec import Struct

from services.common import forms
from services.common.codec import encode_plain
from services.common.messages.matcher import AvailableDriver
from services.common.table_layout import encode
from services.matcher.queues import Deliveries, Drivers, Offers
from tests.given import deterministic
from tests.matcher.past import delivery, driver, offer

# Few, so that they come and go again and again; both sides of where a dict is laid out anew.
NAMES = [f"v{number}" for number in range(12)]
STEPS = st.tuples(
    st.sampled_from(["with_last", "with_first", "without"]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
)


def stepped(held: list[AvailableDriver], way: str, names: list[str]) -> list[AvailableDriver]:
    """What a step makes of a list."""
    came = [driver(name) for name in names]
    left = [each for each in held if each.driver_id not in names]
    match way:
        case "with_last":
            return [*left, *came]
        case "with_first":
            return [came[0], *(each for each in held if each.driver_id != names[0])]
        case _:
            return left


def queue_stepped(queue: Drivers, way: str, names: list[str]) -> Drivers:
    """What the same step makes of a queue."""
    came = [driver(name) for name in names]
    match way:
        case "with_last":
            return queue.with_last(*came)
        case "with_first":
            return queue.with_first(came[0])
        case _:
            return queue.without(*names)


@deterministic
@for_all(steps=st.lists(STEPS, max_size=60))
def test_a_queue_is_as_a_list_of_those_in_it(steps: list[Any]) -> None:
    """In content, order, length and by id, as it comes and as it came to be; no step changes it."""
    queue, held = Drivers(), list[AvailableDriver]()
    passed = []
    for way, names in steps:
        passed.append((queue, held))
        queue, held = queue_stepped(queue, way, names), stepped(held, way, names)
    for made, beside in [*passed, (queue, held)]:
        assert list(made) == beside
        assert len(made) == len(beside)
        by_id = {each.driver_id: each for each in beside}
        for name in NAMES:
            assert (made.has(name), made.get(name)) == (name in by_id, by_id.get(name))
        assert (made, hash(made)) == (Drivers(beside), hash(Drivers(beside)))
        assert (made == Drivers(reversed(beside))) == (len(beside) < 2)


def test_who_comes_again_is_there_as_it_comes() -> None:
    """Not as it was."""
    queue = Deliveries([delivery("d1"), delivery("d2")])
    assert tuple(queue.with_last(delivery("d1", "v1"))) == (delivery("d2"), delivery("d1", "v1"))
    assert tuple(queue.with_first(delivery("d2", "v1"))) == (delivery("d2", "v1"), delivery("d1"))


def test_queues_of_different_things_are_not_equal() -> None:
    assert Deliveries() != Drivers()
    assert Drivers() != ()


class Kept(Struct):
    """A state with a queue of each kind."""

    waiting: Deliveries
    available: Drivers
    offers: Offers


class Listed(Struct):
    """The same as lists."""

    waiting: list[Any]
    available: list[Any]
    offers: list[Any]


def test_a_queue_is_stored_and_told_as_a_list() -> None:
    """And comes back equal."""
    parts = [delivery("d1"), delivery("d2", "v1")], [driver("v1")], [offer("d3", "v3")]
    kept = Kept(Deliveries(parts[0]), Drivers(parts[1]), Offers(parts[2]))
    as_lists = msgspec.json.encode(Listed(*parts))
    assert encode(kept) == encode_plain(kept) == as_lists
    assert msgspec.json.decode(as_lists, type=Kept, dec_hook=forms.held) == kept
