"""A queue that is fair between targets, and between the users of a target."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.common.fair_queue import FairQueue

PUTS = st.lists(st.tuples(st.sampled_from("ST"), st.sampled_from("uvw")), max_size=60)


def anybody(target: str) -> bool:
    """Every target is free."""
    return True


@given(PUTS)
def test_nothing_is_lost_and_a_user_s_items_keep_their_order(puts: list[tuple[str, str]]) -> None:
    """Whatever is put in comes out once."""
    queue: FairQueue[tuple[str, str, int]] = FairQueue()
    for number, (target, user) in enumerate(puts):
        queue.put(target, user, (target, user, number))
    assert len(queue) == len(puts)
    taken = []
    while (found := queue.take(anybody)) is not None:
        assert found[0] == found[1][0]
        taken.append(found[1])
    assert len(queue) == 0
    assert sorted(number for *_, number in taken) == list(range(len(puts)))
    for whose in set(puts):
        numbers = [number for target, user, number in taken if (target, user) == whose]
        assert numbers == sorted(numbers)


@given(PUTS)
def test_users_and_targets_take_turns(puts: list[tuple[str, str]]) -> None:
    """While several wait, none is served twice before each was served once."""
    queue: FairQueue[tuple[str, str]] = FairQueue()
    waiting: Counter[tuple[str, str]] = Counter()
    for target, user in puts:
        queue.put(target, user, (target, user))
        waiting[target, user] += 1
    last_target, last_user = None, dict.fromkeys("ST")
    while (found := queue.take(anybody)) is not None:
        target, (_, user) = found
        others = {t for (t, _), count in waiting.items() if count} - {target}
        assert target != last_target or not others
        others = {u for (t, u), count in waiting.items() if count and t == target} - {user}
        assert user != last_user[target] or not others
        waiting[target, user] -= 1
        last_target, last_user[target] = target, user


def test_a_target_that_is_busy_is_passed_over() -> None:
    """It keeps its items."""
    queue: FairQueue[int] = FairQueue()
    queue.put("busy", "u", 1)
    queue.put("free", "u", 2)
    assert queue.take(lambda target: target == "free") == ("free", 2)
    assert queue.take(lambda target: target == "free") is None
    assert queue.take(anybody) == ("busy", 1)
