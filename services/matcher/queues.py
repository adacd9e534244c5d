"""Queues: who waits in a region, in order, and known by an id.

A queue never changes: others are made from it. Each is a copy, as a dict copies its whole table at
once where it can; a thousand who wait are copied in microseconds.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Generic, Self, TypeVar

from services.common.messages.matcher import AvailableDriver, Offer, WaitingDelivery

Item = TypeVar("Item")


class Queue(Generic[Item]):
    """Items in order, the one that has waited longest first; of one id there is one at most."""

    __slots__ = ("_by_id",)

    stored_as: ClassVar[Any]

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._by_id = {self.id_of(each): each for each in items}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._by_id.values())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)})"

    @staticmethod
    def id_of(item: Any) -> str:
        """What an item is known by."""
        raise NotImplementedError

    def has(self, item_id: str) -> bool:
        """Whether there is an item of this id."""
        return item_id in self._by_id

    def get(self, item_id: str) -> Item | None:
        """The item of this id, or None."""
        return self._by_id.get(item_id)

    def with_last(self, *items: Item) -> Self:
        """The queue with these at its end, who may have been in it elsewhere."""
        by_id = self._by_id.copy()
        for each in items:
            by_id.pop(self.id_of(each), None)
            by_id[self.id_of(each)] = each
        return self._of(by_id)

    def with_first(self, item: Item) -> Self:
        """The queue with this one at its head, who may have been in it elsewhere."""
        first = self.id_of(item)
        return self._of({first: item, **self.without(first)._by_id})

    def without(self, *item_ids: str) -> Self:
        """The queue without those of these ids that are in it."""
        gone = self._by_id.keys() & item_ids
        if not gone:
            return self
        by_id = self._by_id.copy()
        for each in gone:
            del by_id[each]
        return self._of(by_id)

    def _of(self, by_id: dict[str, Item]) -> Self:
        made = object.__new__(type(self))
        made._by_id = by_id
        return made


class Deliveries(Queue[WaitingDelivery]):
    """Deliveries that wait for a driver."""

    __slots__ = ()
    stored_as = tuple[WaitingDelivery, ...]

    @staticmethod
    def id_of(item: WaitingDelivery) -> str:
        """What an item is known by."""
        return item.delivery_id


class Drivers(Queue[AvailableDriver]):
    """Drivers that wait for work."""

    __slots__ = ()
    stored_as = tuple[AvailableDriver, ...]

    @staticmethod
    def id_of(item: AvailableDriver) -> str:
        """What an item is known by."""
        return item.driver_id


class Offers(Queue[Offer]):
    """Open offers, one of a delivery at most."""

    __slots__ = ()
    stored_as = tuple[Offer, ...]

    @staticmethod
    def id_of(item: Offer) -> str:
        """What an item is known by."""
        return item.delivery.delivery_id
