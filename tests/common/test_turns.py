"""Every input that has something to read is read once in a round."""

from hypothesis import given
from hypothesis import strategies as st

from services.common.turns import Turns

FULL = st.sets(st.sampled_from("abcd"))


@given(st.lists(FULL, max_size=60), st.sampled_from("abcd"))
def test_who_has_something_waits_for_one_turn_of_each_other(
    steps: list[set[str]], patient: str
) -> None:
    """A reader that gives only the first of those that it may is fair all the same."""
    turns = Turns[str]()
    waited = 0
    for full in steps:
        turn, _ = turns.next("abcd")
        others = sorted(full - {patient})
        found = [place for place in [*others, patient] if place in turn][:1]
        turns.end(found)
        waited = 0 if found == [patient] or not found else waited + 1
        assert waited <= 6


def test_a_round_ends_when_nobody_has_anything_left() -> None:
    """Then the reader may wait for all."""
    turns = Turns[str]()
    assert turns.next("ab") == (["a", "b"], True)
    turns.end(["a"])
    assert turns.next("ab") == (["b"], False)
    turns.end([])
    assert turns.next("ab") == (["a", "b"], True)
    turns.end(["a", "b"])
    assert turns.next("ab") == ("ab", True)
