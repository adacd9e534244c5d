"""What must hold once the faults have stopped and the world has come to rest."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from infra.simulation.checker import Checker, ViolationError
from infra.simulation.outside import OutsideWorld
from infra.simulation.workers import SERVICES, Supervised, parts_of
from services.common.event_table import TablePartition
from services.common.messages.driver import DriverStatus
from services.common.messages.order import SubmitOrder
from services.order.domain import Order, OrderStatus, PaymentStatus


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
    match order.status:
        case OrderStatus.DELIVERED | OrderStatus.REJECTED:
            return None
        case OrderStatus.CANCELLED if order.payment is PaymentStatus.REFUNDED:
            return None
        case _:
            return f"{order.status.value}, {order.payment.value}"


def check_finality(checker: Checker, acknowledged: Mapping[str, SubmitOrder]) -> None:
    """Every acknowledged order has come to its end."""
    left = unfinished(checker, acknowledged)
    _expect(not left, "every_acknowledged_order_is_final", f"{left}")


def check_money(checker: Checker, outside: OutsideWorld) -> None:
    """Each order was charged once at most, and what was charged was delivered or given back."""
    charged = Counter(
        deed.content["description"].removeprefix("order ")
        for deed in outside.charges.deeds.values()
        if deed.status == 201
    )
    keys = {
        deed.key: deed.content["description"].removeprefix("order ")
        for deed in outside.charges.deeds.values()
    }
    refunded = Counter(
        keys.get(deed.content["charge_idempotency_key"], "none")
        for deed in outside.refunds.deeds.values()
    )
    for order_id, count in charged.items():
        _expect(count == 1, "one_charge_per_order", f"{order_id} was charged {count} times")
        row = checker.row("order", order_id)
        _expect(row is not None, "one_charge_per_order", f"{order_id} is no order")
        assert row is not None
        is_cancelled = row.state.status is OrderStatus.CANCELLED
        _expect(
            refunded[order_id] == is_cancelled and row.state.status is not OrderStatus.REJECTED,
            "charged_is_delivered_or_refunded",
            f"{order_id} is {row.state.status.value}, refunded {refunded[order_id]} times",
        )
    reused = [*outside.charges.reused, *outside.refunds.reused, *outside.tickets.reused]
    _expect(not reused, "one_content_per_key", f"{reused}")


def check_tickets(checker: Checker, outside: OutsideWorld) -> None:
    """Each order has one ticket at most, and none that was refused is cooked."""
    tickets = Counter(deed.content["order_id"] for deed in outside.tickets.deeds.values())
    for order_id, count in tickets.items():
        _expect(count == 1, "one_ticket_per_order", f"{order_id} has {count} tickets")
    for deed in outside.tickets.deeds.values():
        row = checker.row("order", deed.content["order_id"])
        if deed.status == 409 and row is not None:
            _expect(
                row.state.status is OrderStatus.CANCELLED,
                "a_refused_order_is_cancelled",
                f"{deed.content['order_id']} is {row.state.status.value}",
            )


def check_rest(checker: Checker, partitions: int) -> None:
    """Nobody waits for anybody: no offer is open, and no driver is busy."""
    for number in range(partitions):
        for name, row in checker.rows("matcher", number).items():
            _expect(not row.state.offers, "no_offer_stays_open", f"{name}: {row.state.offers}")
            _expect(
                not (row.state.waiting and row.state.available),
                "who_waits_is_matched",
                f"{name}: {row.state}",
            )
        for name, row in checker.rows("driver", number).items():
            _expect(
                row.state.status is not DriverStatus.ON_DELIVERY,
                "no_driver_stays_busy",
                f"{name}: {row.state}",
            )


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
            _expect(seen[number] == 1, "one_owner_per_partition", f"{service}/{number}: {seen}")


def _check_table(
    service: str, number: int, table: TablePartition[Any], rows: Mapping[str, Any]
) -> None:
    for key, row in rows.items():
        stored = table.row(key)
        _expect(
            stored == row,
            "table_is_the_fold_of_the_log",
            f"{service}/{number} {key}: {stored} where the log has {row}",
        )
    decider = parts_of(service).decider
    waiting = {key for key, _ in table.waiting()}
    _expect(
        waiting == {key for key, row in rows.items() if decider.agenda(row.state)},
        "table_is_the_fold_of_the_log",
        f"{service}/{number} says that {sorted(waiting)} wait for something",
    )
    listed = {each.key for each in table.listed("all", "")}
    _expect(
        listed == set(rows),
        "table_is_the_fold_of_the_log",
        f"{service}/{number} lists {sorted(listed ^ set(rows))} wrongly",
    )


def _expect(holds: bool, invariant: str, detail: str) -> None:
    if not holds:
        raise ViolationError(invariant, detail)
