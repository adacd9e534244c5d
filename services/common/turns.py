"""Turns: inputs are read in rounds, so that one with much to read does not hold up the others.

The client gives all that it has of one partition before it gives anything of the next.
"""

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

Place = TypeVar("Place")


class Turns(Generic[Place]):
    """Whose turn it is."""

    def __init__(self) -> None:
        self._had: set[Place] = set()

    def next(self, places: Sequence[Place]) -> tuple[Sequence[Place], bool]:
        """Those that had no turn in this round, and whether the round begins with them."""
        waiting = [place for place in places if place not in self._had]
        if not waiting:
            self._had.clear()
        return waiting or places, not self._had

    def end(self, read: Iterable[Place]) -> None:
        """Says which had something to read; the round is over when none had."""
        given = set(read)
        self._had = self._had | given if given else set()
