"""All services together, whatever the interleaving: what must hold at every instant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.messages.driver import DriverStatus
from services.common.messages.order import RefundRetried, RetryRefund
from services.order.domain import Order, OrderStatus, PaymentStatus
from tests.given import deterministic
from tests.process.chance import Chance
from tests.process.outside import CLOSED, DECLINED, SILENT
from tests.process.players import Players
from tests.process.settled import check_history, check_settled
from tests.process.watch import FINAL, FINAL_DELIVERY, Watch
from tests.process.world import World, partition_of

ROUNDS_MAX = 150
MONEY_AT_REST = (
    PaymentStatus.CHARGED,
    PaymentStatus.DECLINED,
    PaymentStatus.VOIDED,
    PaymentStatus.REFUNDED,
    PaymentStatus.PARTLY_REFUNDED,
)


def is_at_rest(world: World) -> bool:
    """True when all orders and deliveries have ended, money and tickets with them."""
    orders = world.states("order").values()
    return (
        all(
            order.status in FINAL
            and (order.payment in MONEY_AT_REST or order.status is OrderStatus.REJECTED)
            and not order.is_ticket_cancellation_due
            and not can_be_retried(world, order)
            for order in orders
        )
        and all(each.status in FINAL_DELIVERY for each in world.states("delivery").values())
        and all(
            each.status in (DriverStatus.AVAILABLE, DriverStatus.UNAVAILABLE)
            for each in world.states("driver").values()
        )
        and not any(region.offers for region in world.states("matcher").values())
    )


def can_be_retried(world: World, order: Order) -> bool:
    """True when an operator can have a refused refund tried again."""
    decide = world.services["order"].decider.decide
    retries = (RetryRefund(order.order_id, refund.name) for refund in order.refunds)
    return any(isinstance(decide(retry, order, world.now), RefundRetried) for retry in retries)


def finish(world: World, players: Players, watch: Watch) -> None:
    """Everybody does what is due, until every order is at its end."""
    for _ in range(ROUNDS_MAX):
        world.settle()
        watch.look()
        check_settled(world)
        if len(world.states("order")) == players.partners.order_count and is_at_rest(world):
            return
        players.help_all()
    statuses = [(order.status, order.payment) for order in world.states("order").values()]
    deliveries = [delivery.status for delivery in world.states("delivery").values()]
    pytest.fail(f"stuck: {statuses} {deliveries}")


def check_ends(world: World, players: Players) -> None:
    """The payment provider has of every order what the order's end says, and no more."""
    provider = players.outside.provider
    for order in world.states("order").values():
        charges = provider.charged(order.order_id)
        kept = sum(each.amount_cents - provider.given_back(key) for key, each in charges)
        if order.status is OrderStatus.DELIVERED:
            assert len(charges) == 1
            assert kept == order.amount_cents - order.refunded_cents
        else:
            assert kept == 0, f"{order.status} and {kept} cents are kept"
        if order.status is OrderStatus.REJECTED:
            assert not charges


@settings(deterministic, max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.sampled_from((0, 20, 100, 500, 2_000)),
    order_count=st.integers(1, 12),
    driver_count=st.integers(1, 4),
    trouble_share=st.sampled_from((0.0, 0.15, 0.4, 0.8)),
)
def test_every_order_ends_and_nothing_counts_twice(
    seed: int, steps: int, order_count: int, driver_count: int, trouble_share: float
) -> None:
    """Any interleaving, any crash, any duplicate: all orders end, once, with one driver each."""
    world = World()
    players = Players(world, order_count, driver_count)
    watch = Watch(world, players.outside)
    chance = Chance(world, players, seed, trouble_share)
    for _ in range(steps):
        chance.step()
        watch.look()
    finish(world, players, watch)
    check_ends(world, players)
    check_history(world)
    written = {owner: service.events for owner, service in world.services.items()}
    before = {owner: [list(log) for log in logs] for owner, logs in written.items()}
    for service in world.services.values():
        service.read.clear()
    world.settle()
    assert before == written, "reading the logs again has changed something"
    check_history(world)


def test_without_trouble_an_order_ends_as_its_card_and_its_restaurant_have_it() -> None:
    """Declined is rejected, a refusal or silence gives the money back, all else is delivered."""
    world = World()
    players = Players(world, order_count=12, driver_count=2)
    finish(world, players, Watch(world, players.outside))
    check_ends(world, players)
    for order in world.states("order").values():
        if order.payment_token == DECLINED:
            assert (order.status, order.payment) == (OrderStatus.REJECTED, PaymentStatus.DECLINED)
        elif order.restaurant.restaurant_id in (CLOSED, SILENT):
            assert (order.status, order.payment) == (OrderStatus.CANCELLED, PaymentStatus.REFUNDED)
        else:
            assert (order.status, order.payment) == (OrderStatus.DELIVERED, PaymentStatus.CHARGED)


def test_a_crash_does_not_turn_a_drivers_last_word_around() -> None:
    """A repeated "I take work", which was nothing, is not decided anew after "I take none"."""
    world = World()
    players = Players(world, order_count=1, driver_count=1)
    for available in (True, True, False):
        players.phones.say("driver-0", available, "north")
    world.settle()
    world.crash("driver", partition_of("driver-0"), 3)
    world.settle()
    assert world.states("driver")["driver-0"].status is DriverStatus.UNAVAILABLE
