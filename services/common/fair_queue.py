"""A queue that is fair on two levels: between targets, and within a target between its users.

Both take turns (round robin), so that whoever puts much in waits for itself and for nobody else.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items that wait for a target, each on behalf of a user."""

    def __init__(self) -> None:
        self._targets: OrderedDict[str, OrderedDict[str, deque[Item]]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, target: str, user: str, item: Item) -> None:
        """Adds an item behind the user's own."""
        users = self._targets.setdefault(target, OrderedDict())
        users.setdefault(user, deque()).append(item)
        self._length += 1

    def take(self, is_free: Callable[[str], bool]) -> tuple[str, Item] | None:
        """The next item of the next target that is free, or None when none is."""
        for target in self._targets:
            if is_free(target):
                break
        else:
            return None
        users = self._targets[target]
        user, items = next(iter(users.items()))
        item = items.popleft()
        self._length -= 1
        if items:
            users.move_to_end(user)
        else:
            del users[user]
        if users:
            self._targets.move_to_end(target)
        else:
            del self._targets[target]
        return target, item
