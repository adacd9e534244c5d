"""A simulation is worth what it finds: each test plants a bug and is named after what breaks."""

from collections.abc import Callable

import pytest

from infra.simulation.world import run_seed
from tests.simulation import bugs, life_bugs

SEEDS_MAX = 500


def is_violated(
    invariant: str, bug: Callable[[pytest.MonkeyPatch], None], patch: pytest.MonkeyPatch
) -> bool:
    """True when one of the first seeds shows that the invariant does not hold with the bug."""
    bug(patch)
    for seed in range(SEEDS_MAX):
        violation = run_seed(seed).violation
        if violation is not None and violation.invariant == invariant:
            return True
    return False


def test_command_is_committed_when_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when offsets are committed before events are applied."""
    invariant = "command_is_committed_when_done"
    assert is_violated(invariant, bugs.commit_before_apply, monkeypatch)


def test_table_is_never_ahead_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when events are applied before they are acknowledged."""
    invariant = "table_is_never_ahead_of_the_log"
    assert is_violated(invariant, bugs.apply_before_ack, monkeypatch)


def test_one_event_per_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when nobody knows whether a command has had its event."""
    assert is_violated("one_event_per_command", bugs.forget_what_was_done, monkeypatch)


def test_only_bad_records_are_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when the loop does not look whether a command has had its event."""
    assert is_violated("only_bad_records_are_put_aside", bugs.skip_repeat_check, monkeypatch)


def test_one_charge_per_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when the idempotency key comes from the attempt."""
    assert is_violated("one_charge_per_order", life_bugs.key_charges_by_attempt, monkeypatch)


def test_one_ticket_per_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when the idempotency key comes from the attempt."""
    assert is_violated("one_ticket_per_order", life_bugs.key_tickets_by_attempt, monkeypatch)


def test_reaction_is_committed_when_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when an event is committed before the commands that follow are acknowledged."""
    invariant = "reaction_is_committed_when_done"
    assert is_violated(invariant, bugs.commit_reaction_before_ack, monkeypatch)


def test_table_is_the_fold_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when the table takes whatever the log has."""
    invariant = "table_is_the_fold_of_the_log"
    assert is_violated(invariant, bugs.fold_whatever_comes, monkeypatch)


def test_timer_is_never_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when the clock of the timers is ahead."""
    assert is_violated("timer_is_never_early", bugs.fire_early, monkeypatch)


def test_no_loser_with_other_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when commands are decided without the events in flight."""
    invariant = "no_loser_with_other_content"
    assert is_violated(invariant, bugs.forget_what_is_in_flight, monkeypatch)


def test_no_zombie_appends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a worker that was stopped for too long goes on."""
    assert is_violated("no_zombie_appends", bugs.never_end_for_being_away, monkeypatch)


def test_every_acknowledged_order_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a restart forgets what orders wait for."""
    invariant = "every_acknowledged_order_is_final"
    assert is_violated(invariant, bugs.forget_agendas, monkeypatch)


def test_no_more_back_than_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when the idempotency key of a refund comes from the attempt."""
    assert is_violated("no_more_back_than_paid", life_bugs.key_refunds_by_attempt, monkeypatch)


def test_no_item_is_refunded_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when nobody looks what was given back already."""
    assert is_violated("no_item_is_refunded_twice", life_bugs.refund_an_item_twice, monkeypatch)


def test_charged_is_delivered_or_refunded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a cancellation forgets a charge that is on its way."""
    invariant = "charged_is_delivered_or_refunded"
    assert is_violated(invariant, life_bugs.forget_the_charge, monkeypatch)


def test_a_cancelled_order_has_no_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a cancellation does not reach the kitchen."""
    invariant = "a_cancelled_order_has_no_ticket"
    assert is_violated(invariant, life_bugs.forget_the_ticket, monkeypatch)


def test_a_cancelled_order_has_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a cancellation does not reach the delivery."""
    invariant = "a_cancelled_order_has_no_driver"
    assert is_violated(invariant, life_bugs.forget_the_driver, monkeypatch)


def test_no_offer_after_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when nobody remembers who has rejected what."""
    assert is_violated("no_offer_after_a_no", life_bugs.ask_who_has_rejected, monkeypatch)


def test_no_dropoff_without_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when any code will do."""
    invariant = "no_dropoff_without_its_code"
    assert is_violated(invariant, life_bugs.drop_off_without_code, monkeypatch)


def test_pickup_comes_before_dropoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a driver may hand over what it never fetched."""
    invariant = "pickup_comes_before_dropoff"
    assert is_violated(invariant, life_bugs.drop_off_without_pickup, monkeypatch)


def test_a_refusal_is_undone_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a refusal may be taken back after it has ended the order."""
    invariant = "a_refusal_is_undone_in_time"
    assert is_violated(invariant, life_bugs.undo_after_the_end, monkeypatch)


def test_final_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when a driver moves an order that was cancelled."""
    assert is_violated("final_is_final", life_bugs.move_what_has_ended, monkeypatch)


def test_every_order_ends_though_its_restaurant_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found when no timer ends the wait for an answer."""
    invariant = "every_acknowledged_order_is_final"
    assert is_violated(invariant, life_bugs.wait_for_ever, monkeypatch)
