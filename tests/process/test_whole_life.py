"""All four services together, whatever the interleaving: what must hold at every instant."""

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.messages.delivery import DeliveryCompleted, DeliveryPickedUp, DriverAssigned
from services.common.messages.driver import DeliveryAccepted, DriverStatus
from services.common.messages.matcher import OfferConfirmed
from services.common.messages.order import (
    OrderCancelled,
    OrderDelivered,
    OrderScheduled,
    PaymentRefunded,
    PreparationDue,
)
from services.delivery.domain import DeliveryStatus
from services.order.domain import OrderStatus, PaymentStatus
from tests.given import deterministic
from tests.process.players import DECLINED, REFUSED, Players
from tests.process.world import PARTITIONS, World, partition_of

ROUNDS_MAX = 60
RANK = {status: rank for rank, status in enumerate(OrderStatus)}
FINAL = (OrderStatus.DELIVERED, OrderStatus.REJECTED, OrderStatus.CANCELLED)


class Chance:
    """Lets one thing after another happen, somewhere, as a seed has it."""

    def __init__(self, world: World, players: Players, seed: int) -> None:
        self.world = world
        self.players = players
        self.random = Random(seed)
        self.batch_max = self.random.choice((1, 2, 4, 16))
        readers = [
            (owner, source, partition)
            for owner, service in world.services.items()
            for source in ("commands", *service.reactions)
            for partition in range(PARTITIONS)
        ]
        # Some readers are slow: what they read stays behind for long.
        self.weights = [self.random.choice((1, 4, 20)) for _ in readers]
        self.readers = readers

    def step(self) -> None:
        """One thing happens."""
        if self.random.random() < 0.25:
            deed = self.random.choice(self.players.deeds)
            deed(self.random.randrange(256))
            return
        owner, source, partition = self.random.choices(self.readers, self.weights)[0]
        records = self.random.randint(1, self.batch_max)
        kind = self.random.random()
        if source == "commands":
            if kind < 0.05:
                self.world.crash(owner, partition, 2 * records)
            elif kind < 0.06:
                self.world.lose_offsets(owner, partition, 2 * records)
            for _ in range(records):
                self.world.decide_next(owner, partition)
        elif kind < 0.05:
            self.world.crash_reactions(owner, source, partition, 2 * records)
        elif kind < 0.1 and (read := self.world.services[owner].read[source, partition]):
            self.world.react_to(owner, source, partition, self.random.randrange(read))
        elif kind < 0.11:
            self.world.settle()
            check_settled(self.world)
        else:
            for _ in range(records):
                self.world.react_next(owner, source, partition)


def check_always(world: World) -> None:
    """What holds at every instant."""
    working = [
        driver.delivery.delivery_id
        for driver in world.states("driver").values()
        if driver.delivery is not None
    ]
    assert len(working) == len(set(working)), "two drivers have one delivery"
    for region in world.states("matcher").values():
        assert not (region.waiting and region.available), "they wait for each other"
        known = [each.delivery_id for each in region.waiting]
        known += [offer.delivery.delivery_id for offer in region.offers]
        assert len(known) == len(set(known)), "a delivery waits twice"
        free = [each.driver_id for each in region.available]
        free += [offer.driver.driver_id for offer in region.offers]
        assert len(free) == len(set(free)), "a driver waits twice"


def check_settled(world: World) -> None:
    """What holds when nothing is left to read: the services agree with one another."""
    drivers = world.states("driver")
    deliveries = world.states("delivery")
    for name, region in world.states("matcher").items():
        assert region.offers == ()
        assert {each.driver_id for each in region.available} == {
            key
            for key, driver in drivers.items()
            if driver.status is DriverStatus.AVAILABLE and driver.region == name
        }
        assert {each.delivery_id for each in region.waiting} == {
            key
            for key, delivery in deliveries.items()
            if delivery.status is DeliveryStatus.WAITING_FOR_DRIVER and delivery.region == name
        }
    told = {
        DeliveryStatus.WAITING_FOR_DRIVER: OrderStatus.SCHEDULING_DELIVERY,
        DeliveryStatus.DRIVER_ASSIGNED: OrderStatus.WAITING_FOR_DRIVER,
        DeliveryStatus.PICKED_UP: OrderStatus.IN_DELIVERY,
        DeliveryStatus.DELIVERED: OrderStatus.DELIVERED,
    }
    for order in world.states("order").values():
        if order.delivery_id is not None:
            delivery = deliveries[order.delivery_id]
            assert order.status is told[delivery.status]
            assert (order.driver_id, order.eta_at) == (delivery.driver_id, delivery.eta_at)
    for key, driver in drivers.items():
        if driver.delivery is not None:
            assert deliveries[driver.delivery.delivery_id].driver_id == key


def check_history(world: World) -> None:
    """What the logs say about the whole life of every order and delivery."""
    for owner, service in world.services.items():
        assert world.folded(owner) == service.rows
        refused = [each for each in service.rejections if each[0].source is not None]
        assert refused == [], "one service contradicts another"
    counts: Counter[tuple[type[Any], str]] = Counter()
    once = (DriverAssigned, DeliveryPickedUp, DeliveryCompleted, DeliveryAccepted, OfferConfirmed)
    once_per_order = (
        OrderScheduled,
        PreparationDue,
        OrderDelivered,
        OrderCancelled,
        PaymentRefunded,
    )
    for service in world.services.values():
        for log in service.events:
            for _, event in log:
                if isinstance(event, once):
                    counts[type(event), event.delivery_id] += 1
                if isinstance(event, once_per_order):
                    counts[type(event), event.order_id] += 1
    assert set(counts.values()) <= {1}, counts.most_common(3)
    for life in lives(world, "order"):
        statuses = [order.status for order in life]
        assert all(RANK[earlier] <= RANK[later] for earlier, later in pairwise(statuses))
        assert len({status for status in statuses if status in FINAL}) <= 1
    for life in lives(world, "driver"):
        for earlier, later in pairwise(life):
            if earlier.delivery is None and later.delivery is not None:
                assert earlier.status is DriverStatus.AVAILABLE
                assert earlier.region == later.delivery.region


def lives(world: World, owner: str) -> list[list[Any]]:
    """The states that each aggregate has gone through, first to last."""
    service = world.services[owner]
    gone: dict[str, list[Any]] = {}
    for log in service.events:
        for envelope, event in log:
            life = gone.setdefault(service.key(event), [])
            before = life[-1] if life else None
            life.append(service.decider.evolve(before, event, envelope.occurred_at))
    return list(gone.values())


def finish(world: World, players: Players) -> None:
    """Drivers keep becoming available and everybody answers, until every order is at its end."""
    for _ in range(ROUNDS_MAX):
        world.settle()
        check_always(world)
        check_settled(world)
        orders = world.states("order").values()
        if len(orders) == players.order_count and all(
            order.status in FINAL and order.payment is not PaymentStatus.REFUNDING
            for order in orders
        ):
            return
        players.help_all()
    pytest.fail(f"stuck: {[order.status for order in world.states('order').values()]}")


def check_ends(world: World) -> None:
    """Every order ended as its payment and its restaurant decided."""
    for order in world.states("order").values():
        if order.payment_token == DECLINED:
            assert (order.status, order.payment) == (OrderStatus.REJECTED, PaymentStatus.DECLINED)
        elif order.restaurant.restaurant_id == REFUSED and order.delivery_id is None:
            assert (order.status, order.payment) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        else:
            assert (order.status, order.payment) == (OrderStatus.DELIVERED, PaymentStatus.CHARGED)


@settings(deterministic, max_examples=250)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.sampled_from((0, 20, 100, 500, 2_000)),
    order_count=st.integers(1, 12),
    driver_count=st.integers(1, 4),
)
def test_every_order_ends_and_nothing_counts_twice(
    seed: int, steps: int, order_count: int, driver_count: int
) -> None:
    """Any interleaving, any crash, any duplicate: all orders end, once, with one driver each."""
    world = World()
    players = Players(world, order_count, driver_count)
    chance = Chance(world, players, seed)
    for _ in range(steps):
        chance.step()
        check_always(world)
    finish(world, players)
    check_ends(world)
    check_history(world)
    written = {owner: service.events for owner, service in world.services.items()}
    before = {owner: [list(log) for log in logs] for owner, logs in written.items()}
    for service in world.services.values():
        service.read.clear()
    world.settle()
    assert before == written, "reading the logs again has changed something"
    check_history(world)


def test_a_crash_does_not_turn_a_drivers_last_word_around() -> None:
    """A repeated "I take work", which was nothing, is not decided anew after "I take none"."""
    world = World()
    players = Players(world, order_count=1, driver_count=1)
    for available in (True, True, False):
        players.say("driver-0", available, "north")
    world.settle()
    world.crash("driver", partition_of("driver-0"), 3)
    world.settle()
    assert world.states("driver")["driver-0"].status is DriverStatus.UNAVAILABLE


def test_a_crash_does_not_take_what_was_refused_before() -> None:
    """A drop-off that was refused before the pickup is not decided anew after it."""
    world = World()
    players = Players(world, order_count=1, driver_count=1)
    deeds = (players.submit, players.answer, players.fire, players.fire, players.fire)
    for deed in (*deeds, players.answer, players.call_back, players.announce):
        deed(0)
        world.settle()
    players.slip(0)
    players.work(0)
    world.settle()
    world.crash("driver", partition_of("driver-0"), 2)
    world.settle()
    driver = world.states("driver")["driver-0"]
    assert driver.delivery is not None
    assert driver.delivery.picked_up
