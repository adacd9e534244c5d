"""Room: how much may be held in memory, in all and for each user, and who had to leave some."""

from collections import Counter


class Room:
    """Places for what is held; what finds none is left where it came from, to be asked for again.

    Args:
        places_max: in all.
        places_per_user_max: so that who floods Tiffin takes no place of others.
    """

    def __init__(self, places_max: int, places_per_user_max: int) -> None:
        self._places_max = places_max
        self._places_per_user_max = places_per_user_max
        self._taken: Counter[str] = Counter()
        self._total = 0
        self._short: set[str] = set()

    def __len__(self) -> int:
        return self._total

    def take(self, user: str) -> bool:
        """Takes a place; False when there is none for this user."""
        if self._total >= self._places_max or self._taken[user] >= self._places_per_user_max:
            self._short.add(user)
            return False
        self._taken[user] += 1
        self._total += 1
        return True

    def give_back(self, user: str) -> None:
        """Lets go of a place."""
        self._total -= 1
        self._taken[user] -= 1
        if not self._taken[user]:
            del self._taken[user]

    @property
    def is_short(self) -> bool:
        """True when something has found no place since `begin_round`."""
        return bool(self._short)

    @property
    def is_worthwhile(self) -> bool:
        """True when one who has left something has found much of its room again."""
        return self._total <= self._places_max * 7 // 8 and any(
            self._taken[user] <= self._places_per_user_max // 2 for user in self._short
        )

    @property
    def may_go_on(self) -> bool:
        """False when all that have left something since `begin_round` are full."""
        return self.is_worthwhile or not self.is_short

    def begin_round(self) -> None:
        """Forgets who has left something: all of it is about to be asked for again."""
        self._short.clear()
