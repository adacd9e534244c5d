"""Old records come again as they were, and no older than what must still be known."""

from collections import Counter
from dataclasses import dataclass
from random import Random

from infra.chaos.mischief import NEWEST_MAX, OLDER_MAX, Memory

COUNT = 20 * NEWEST_MAX


@dataclass(frozen=True)
class Old:
    """A record that is known by its offset."""

    offset: int


def memory(keeps_older: bool) -> Memory:
    """Of COUNT records."""
    kept = Memory(Random(1), keeps_older)
    for offset in range(COUNT):
        kept.add(Old(offset))
    return kept


def test_of_what_is_forgotten_only_the_newest_come_again() -> None:
    """Out of order, some of them twice."""
    offsets = [record.offset for record in memory(keeps_older=False).some(NEWEST_MAX)]
    assert min(offsets) >= COUNT - NEWEST_MAX
    assert offsets != sorted(offsets)
    assert max(Counter(offsets).values()) > 1


def test_of_what_is_known_for_ever_the_oldest_come_too() -> None:
    """From every part of the run."""
    offsets = [record.offset for record in memory(keeps_older=True).some(4 * OLDER_MAX)]
    assert {offset * 10 // COUNT for offset in offsets} == set(range(10))


def test_of_nothing_nothing_comes_again() -> None:
    """A run has a beginning."""
    assert Memory(Random(1), keeps_older=True).some(5) == []
