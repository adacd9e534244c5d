"""What must hold once the faults have stopped and the world has come to rest."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from infra.simulation.checker import Checker
from infra.simulation.ledger import Deed
from infra.simulation.outside import OutsideWorld
from infra.simulation.violation import expect
from infra.simulation.workers import SERVICES, Supervised, parts_of
from services.common.event_table import TablePartition
from services.common.messages.driver import DriverStatus
from services.common.messages.order import SubmitOrder
from services.delivery.domain import FINAL as FINAL_DELIVERY
from services.delivery.domain import DeliveryStatus
from services.order.domain import Order, OrderStatus, PaymentStatus

RESTING = (DriverStatus.AVAILABLE, DriverStatus.UNAVAILABLE)


def unfinished(checker: Checker, acknowledged: Mapping[str, SubmitOrder]) -> dict[str, str]:
    """The acknowledged orders that are not final, and what they are instead."""
    found = {}
    for order_id, submission in acknowledged.items():
        row = checker.row("order", order_id)
        if row is None and "ready_at_past" in checker.refusals[order_id]:
            continue  # it reached the log too late, and its partner is told
        status = "lost" if row is None else _unfinished(row.state)
        if status is not None:
            found[submission.reference] = status
    return found


def _unfinished(order: Order) -> str | None:
    if not order.is_final:
        return order.status.value
    if order.payment in (PaymentStatus.VOIDING, PaymentStatus.REFUNDING):
        return f"{order.status.value}, {order.payment.value}"
    is_kept = (
        order.refunded_cents < order.amount_cents and order.payment is not PaymentStatus.VOIDED
    )
    if order.status is OrderStatus.CANCELLED and is_kept:
        return f"{order.status.value}, and not all is given back"
    if order.is_ticket_cancellation_due:
        return f"{order.status.value}, and its ticket is not cancelled"
    return None


def is_at_rest(checker: Checker) -> bool:
    """True when no goods are under way, and nobody is asked or about to be."""
    return (
        all(delivery.status in FINAL_DELIVERY for delivery in checker.states("delivery"))
        and all(driver.status in RESTING for driver in checker.states("driver"))
        and not any(region.offers for region in checker.states("matcher"))
    )


def check_finality(checker: Checker, acknowledged: Mapping[str, SubmitOrder]) -> None:
    """Every acknowledged order has come to its end, and its goods have."""
    left = unfinished(checker, acknowledged)
    expect(not left, "every_acknowledged_order_is_final", f"{left}")
    for order in checker.states("order"):
        row = checker.row("delivery", order.delivery_id or "")
        if row is None:
            expect(order.delivery_id is None, "every_delivery_ends", f"{order.reference}: none")
            continue
        told = f"{order.reference}: {order.status.value} and {row.state.status.value}"
        if order.status is OrderStatus.CANCELLED:
            # Goods that are handed over all the same were too far for the cancellation.
            is_told = row.state.is_recalled or "final" in checker.refusals[row.state.delivery_id]
            is_over = row.state.status in FINAL_DELIVERY
            is_over &= is_told or row.state.status is not DeliveryStatus.DELIVERED
            expect(is_over, "a_cancelled_order_has_no_driver", told)
        else:
            is_over = row.state.status is DeliveryStatus.DELIVERED
            expect(is_over, "every_delivery_ends", told)


def check_money(checker: Checker, outside: OutsideWorld) -> None:
    """Each order was charged once at most; what was charged was delivered or given back."""
    payments = outside.payments
    charges = defaultdict[str, list[Deed]](list)
    for deed in payments.charges.deeds.values():
        if deed.status == 201:
            charges[deed.content["description"].removeprefix("order ")].append(deed)
    for order_id, deeds in charges.items():
        count = len(deeds)
        expect(count == 1, "one_charge_per_order", f"{order_id} was charged {count} times")
        row = checker.row("order", order_id)
        expect(row is not None, "one_charge_per_order", f"{order_id} is no order")
        assert row is not None
        order: Order = row.state
        back = payments.given_back(deeds[0].key)
        told = f"{order.reference} is {order.status.value}: {back} of {order.amount_cents} back"
        expect(back <= deeds[0].content["amount_cents"], "no_more_back_than_paid", told)
        if order.status is OrderStatus.DELIVERED:
            expect(back == order.refunded_cents, "charged_is_delivered_or_refunded", told)
        else:
            expect(back == order.amount_cents, "charged_is_delivered_or_refunded", told)
    for order in checker.states("order"):
        is_paid = order.order_id in charges
        expect(
            is_paid or order.status is not OrderStatus.DELIVERED,
            "charged_is_delivered_or_refunded",
            f"{order.reference} is delivered, and nobody has paid",
        )
    expect(not outside.reused, "one_content_per_key", f"{outside.reused}")


def check_tickets(checker: Checker, outside: OutsideWorld) -> None:
    """Each order has one ticket at most, printed once; nobody cooks what was cancelled."""
    tickets = Counter(ticket.order_id for ticket in outside.pos.tickets.values())
    for order_id, count in tickets.items():
        expect(count == 1, "one_ticket_per_order", f"{order_id} has {count} tickets")
    for ticket in outside.pos.tickets.values():
        row = checker.row("order", ticket.order_id)
        expect(ticket.prints <= 1, "one_ticket_per_order", f"{ticket}")
        status = None if row is None else row.state.status
        expect(
            status is not OrderStatus.CANCELLED or not ticket.is_cooked,
            "a_cancelled_order_has_no_ticket",
            f"{ticket.order_id} is {status}, its ticket {ticket.status}",
        )
        expect(
            status is OrderStatus.CANCELLED or ticket.kind != "refuses",
            "a_refused_order_is_cancelled",
            f"{ticket.order_id} is {status}",
        )


def check_rest(checker: Checker, partitions: int) -> None:
    """Nobody waits for anybody: no offer is open, and no driver is busy."""
    for number in range(partitions):
        for name, row in checker.rows("matcher", number).items():
            expect(not row.state.offers, "no_offer_stays_open", f"{name}: {row.state.offers}")
            expect(
                all(
                    driver.driver_id in delivery.excluded
                    for delivery in row.state.waiting
                    for driver in row.state.available
                ),
                "who_waits_is_matched",
                f"{name}: {row.state}",
            )
        for name, row in checker.rows("driver", number).items():
            expect(row.state.status in RESTING, "no_driver_stays_busy", f"{name}: {row.state}")


def check_tables(
    checker: Checker, workers: Mapping[str, Iterable[Supervised]], partitions: int
) -> None:
    """Every table is the fold of its log, row by row, and so are its lists and agendas."""
    for service in SERVICES:
        seen = Counter[int]()
        for supervised in workers[service]:
            if supervised.worker is None:
                continue
            for number in sorted(supervised.worker.front._readiness.open_partitions):
                seen[number] += 1
                table = supervised.worker.table[number]
                _check_table(service, number, table, checker.rows(service, number))
        for number in range(partitions):
            expect(seen[number] == 1, "one_owner_per_partition", f"{service}/{number}: {seen}")


def _check_table(
    service: str, number: int, table: TablePartition[Any], rows: Mapping[str, Any]
) -> None:
    for key, row in rows.items():
        stored = table.row(key)
        expect(
            stored == row,
            "table_is_the_fold_of_the_log",
            f"{service}/{number} {key}: {stored} where the log has {row}",
        )
    decider = parts_of(service).decider
    waiting = {key for key, _ in table.waiting()}
    expect(
        waiting == {key for key, row in rows.items() if decider.agenda(row.state)},
        "table_is_the_fold_of_the_log",
        f"{service}/{number} says that {sorted(waiting)} wait for something",
    )
    listed = {each.key for each in table.listed({})}
    expect(
        listed == set(rows),
        "table_is_the_fold_of_the_log",
        f"{service}/{number} lists {sorted(listed ^ set(rows))} wrongly",
    )
