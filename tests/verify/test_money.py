"""The rules about charges and money name each kind of breakage."""

from dataclasses import replace

from infra.verify.identity import derived
from infra.verify.rules.charges import check_charges
from infra.verify.rules.money import check_money
from infra.verify.rules.orders import open_orders
from tests.verify.kitchen import (
    ask_refund,
    called_off,
    cancelled,
    charge,
    created,
    paid,
    paid_and_due,
    refund,
    refunded,
    rejected,
    turned_away,
    voided,
)
from tests.verify.road import delivered, whole
from tests.verify.story import Story, texts


class TestCharges:
    """At most one successful charge of an order, of its amount."""

    def test_a_charge_with_another_key(self) -> None:
        """What a key that is made anew for each attempt leaves."""
        story = whole()
        order_id = paid_and_due(story, "r-9")
        charge(story, order_id, idempotency_key="rolled", id="ch-2")
        verdict = story.judged(check_charges)
        assert "with key rolled, is of no order" in texts(verdict)
        assert "total/EUR" in texts(story.judged(check_money))

    def test_a_charge_of_another_amount(self) -> None:
        """The provider took more than the items cost."""
        story = whole()
        story.charges[0]["amount_cents"] = 901
        assert "its charge has amount_cents 901" in texts(story.judged(check_charges))
        assert "charged 901, but delivered 900" in texts(story.judged(check_money))

    def test_an_amount_that_is_not_that_of_the_items(self) -> None:
        """The order itself is wrong."""
        story = whole()
        story.change(story.find("order.events", "OrderCreated"), amount_cents=1)
        assert "its items cost 900" in texts(story.judged(check_charges))

    def test_paid_without_a_charge(self) -> None:
        """The log tells of a charge that the provider has not."""
        story = whole()
        story.charges[0]["status"] = "declined"
        assert "no successful charge" in texts(story.judged(check_charges))
        story.charges.pop(0)
        assert "no successful charge" in texts(story.judged(check_charges))

    def test_paid_twice_in_the_log(self) -> None:
        """A second OrderScheduled that follows in version."""
        story = Story()
        order_id = paid_and_due(story, "r-1")
        told = {"order_id": order_id, "charge_id": f"ch-{order_id}"}
        command = story.command("order", "ConfirmPayment", told)
        at = {"prepare_at": command.at.isoformat()}
        story.event(command, "OrderScheduled", {**told, **at})
        assert "second OrderScheduled" in texts(story.judged(check_charges))

    def test_a_charge_of_an_order_that_was_not_admitted(self) -> None:
        """The restaurant was not asked, or takes no such orders."""
        story = Story()
        charge(story, turned_away(story, "r-1"))
        assert "its restaurant has not admitted it" in texts(story.judged(check_charges))

    def test_what_is_told_after_the_ledgers_were_read_is_not_judged(self) -> None:
        """A charge of the last moment may be missing in the ledger."""
        story = Story()
        paid_and_due(story, "r-1")
        story.charges.clear()
        evidence = replace(story.evidence(), told={})
        assert texts(check_charges(evidence)) == ""
        assert texts(check_money(evidence)) == ""


class TestMoney:
    """charged = delivered + refunded + open."""

    def test_totals_are_told(self) -> None:
        """Four delivered, one of them in part, four given back, and one that is open."""
        story = whole()
        paid_and_due(story, "r-99")
        [note] = story.judged(check_money).notes
        assert note.text == "charged 8100, delivered 3150, refunded 4050, open 900 cents"

    def test_a_rejected_order_that_was_charged(self) -> None:
        """The customer paid for nothing."""
        story = Story()
        rejected(story, "r-1")
        story.charges[-1]["status"] = "succeeded"
        assert "charged 900, but delivered 0" in texts(story.judged(check_money))

    def test_a_refund_that_nobody_made(self) -> None:
        """The log tells of a refund that the provider has not."""
        story = Story()
        cancelled(story, "r-1")
        story.refunds.clear()
        found = texts(story.judged(check_money))
        assert "which the provider has not" in found

    def test_a_refund_beyond_the_charge(self) -> None:
        """More is given back than was taken."""
        story = Story()
        cancelled(story, "r-1")
        story.refunds.append({**story.refunds[0], "id": "re-2"})
        found = texts(story.judged(check_money))
        assert "refunded 1800 of 900 cents charged" in found
        assert "1800 of 900 cents of cancellation are refunded" in found

    def test_a_refund_that_nobody_asked_for(self) -> None:
        """The customer of a delivered order has food and money."""
        story = Story()
        refund(story, delivered(story, "r-1"), "rolled", id="re-x")
        found = texts(story.judged(check_money))
        assert "a refund of 900 cents, re-x, has no reason" in found
        assert "charged 900, but delivered 900, refunded 900" in found

    def test_a_refund_of_another_amount(self) -> None:
        """The provider gave back less than was promised, and the log says the promise."""
        story = Story()
        refunded(story, delivered(story, "r-1"))
        story.refunds[-1]["amount_cents"] = 400
        found = texts(story.judged(check_money))
        assert "400 of 450 cents of cold are refunded" in found
        assert "it tells another amount than 400 cents" in found

    def test_a_refund_of_no_order(self) -> None:
        """Its charge is of nobody."""
        story = whole()
        refund(story, "nobody", "void")
        assert "is of no order in the log" in texts(story.judged(check_money))

    def test_a_cancelled_order_that_keeps_the_money(self) -> None:
        """A cancellation that gives back less than was paid and not given back yet."""
        story = Story()
        order_id = paid(story, "r-1")
        asked = {"order_id": order_id, "by": "customer", "reason": "late"}
        story.step("order", "CancelOrder", "OrderCancelled", {**asked, "refund_cents": 450})
        found = texts(story.judged(check_money))
        assert "it is cancelled, and gives back 450 of 900 cents owed" in found
        assert "charged 900, but delivered 0, refunded 0 and open 450" in found

    def test_a_cancelled_order_gives_back_what_is_left(self) -> None:
        """Neither twice what is on its way, nor less than what was refused."""
        for is_refused, owed in ((False, 450), (True, 900)):
            story = Story()
            order_id = paid(story, "r-1")
            ask_refund(story, order_id)
            if is_refused:
                told = {"order_id": order_id, "refund": "cold", "reason": "card_closed"}
                story.step("order", "RefuseRefund", "RefundRefused", told)
            asked = {"order_id": order_id, "by": "customer", "reason": "late"}
            story.step("order", "CancelOrder", "OrderCancelled", {**asked, "refund_cents": owed})
            assert texts(story.judged(check_money)) == ""

    def test_a_cancelled_order_may_wait_for_its_refund(self) -> None:
        """It is open, and told as such."""
        story = Story()
        cancelled(story, "r-1")
        story.refunds.clear()
        story.drop(story.find("order.events", "PaymentRefunded"))
        assert texts(story.judged(check_money)) == ""
        [open_order] = open_orders(story.evidence())
        assert open_order.status == "CANCELLED, refund open"


class TestPromises:
    """What an order promises to give back."""

    def test_more_than_was_ordered(self) -> None:
        """Three soups of two, and more money than was paid."""
        story = Story()
        ask_refund(story, delivered(story, "r-1"), quantity=3)
        found = texts(story.judged(check_money))
        assert "it gives back 3 of line 0, which has 2" in found
        assert "it promises 1350 of 900 cents paid" in found

    def test_more_than_was_ordered_in_two(self) -> None:
        """Two refunds that are too much together."""
        story = Story()
        order_id = delivered(story, "r-1")
        ask_refund(story, order_id, "one", 1)
        ask_refund(story, order_id, "two", 2)
        assert "it gives back 3 of line 0" in texts(story.judged(check_money))

    def test_another_amount_than_the_items_cost(self) -> None:
        """One soup at the price of none."""
        story = Story()
        event = ask_refund(story, delivered(story, "r-1"))
        story.change(event, amount_cents=1)
        assert "it gives back 1 cents for items of 450" in texts(story.judged(check_money))

    def test_a_name_that_is_taken(self) -> None:
        """One name is one refund."""
        story = Story()
        order_id = delivered(story, "r-1")
        ask_refund(story, order_id)
        ask_refund(story, order_id)
        assert "a second refund is called cold" in texts(story.judged(check_money))

    def test_a_refund_that_is_made_twice(self) -> None:
        """What is given back is given back once."""
        story = Story()
        cancelled(story, "r-1")
        end = story.find("order.events", "PaymentRefunded")
        story.repeat(end, version=end["version"] + 1)
        found = texts(story.judged(check_money))
        assert "PaymentRefunded of the refund cancellation, which is refunded" in found

    def test_a_refund_that_is_not_known(self) -> None:
        """An outcome of what nobody asked for, and a second try of what was not refused."""
        story = Story()
        order_id = delivered(story, "r-1")
        about = {"order_id": order_id, "refund": "cold"}
        story.step("order", "RetryRefund", "RefundRetried", {**about, "attempt": 2})
        assert "the refund cold, which is not known" in texts(story.judged(check_money))
        ask_refund(story, order_id)
        story.step("order", "RetryRefund", "RefundRetried", {**about, "attempt": 2})
        assert "the refund cold, which is open" in texts(story.judged(check_money))

    def test_an_attempt_that_is_left_out(self) -> None:
        """The idempotency key of each attempt derives from its number."""
        story = Story()
        refunded(story, delivered(story, "r-1"))
        story.change(story.find("order.events", "RefundRetried"), attempt=3)
        assert "attempt 3 of cold is the next one" in texts(story.judged(check_money))


class TestVoids:
    """An order that is ended while it is charged."""

    def test_a_charge_that_a_void_left(self) -> None:
        """The customer of a cancelled order is charged, and nothing is to come."""
        story = Story()
        voided(story, "r-1")
        story.refunds.clear()
        found = texts(story.judged(check_money))
        assert "charged 900, but delivered 0, refunded 0 and open 0 cents" in found

    def test_a_void_that_is_on_its_way(self) -> None:
        """The charge is open, and told as such."""
        story = Story()
        order_id = created(story, "r-1")
        charge(story, order_id)
        asked = {"order_id": order_id, "by": "customer", "reason": "late"}
        story.step("order", "CancelOrder", "OrderCancelled", asked)
        assert texts(story.judged(check_money)) == ""
        assert [each.status for each in open_orders(story.evidence())] == ["CANCELLED, void open"]

    def test_a_void_that_nobody_made(self) -> None:
        """The log tells of a void that the provider has not."""
        story = Story()
        voided(story, "r-1")
        story.voids.clear()
        assert "the provider has no void of it" in texts(story.judged(check_money))

    def test_a_void_of_an_order_that_was_paid(self) -> None:
        """A paid order is refunded, and never voided."""
        story = Story()
        voided(story, "r-1")
        order_id = called_off(story, "r-2")
        story.voids[0]["idempotency_key"] = derived(order_id, "void")
        assert "its charge was voided, but" in texts(story.judged(check_money))
