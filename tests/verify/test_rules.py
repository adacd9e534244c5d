"""Each rule passes a sound story, and names each kind of breakage."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from aiokafka.partitioner import murmur2

from infra.verify.entry import TOPICS, Writer
from infra.verify.evidence import Patience
from infra.verify.identity import derived, partition_of
from infra.verify.rules import RULES, Rule
from infra.verify.rules.commands import check_answers, check_commands
from infra.verify.rules.drivers import check_drivers
from infra.verify.rules.kitchen import check_schedule, check_tickets
from infra.verify.rules.money import check_charges, check_money
from infra.verify.rules.orders import check_orders, check_statuses, open_orders
from infra.verify.rules.outcomes import check_outcomes
from infra.verify.rules.reactions import check_reactions
from infra.verify.rules.records import check_records
from infra.verify.rules.versions import check_versions
from infra.verify.rules.writers import check_writers
from services.common import ids
from tests.verify.story import (
    NOON,
    PARTITIONS,
    Story,
    charge,
    cooked,
    created,
    delivered,
    paid_and_due,
    texts,
    ticket,
    whole,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_sound_story_is_clean(rule: Rule) -> None:
    """Every rule has something to check in it, and nothing to say."""
    verdict = whole().judged(rule)
    assert texts(verdict) == ""
    assert verdict.checked


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_an_empty_log_is_clean(rule: Rule) -> None:
    """With nothing to check there is nothing wrong."""
    verdict = Story().judged(rule)
    assert (verdict.checked, texts(verdict)) == (0, "")


def test_ids_and_partitions_are_those_of_the_runtime() -> None:
    """Two ways to write the same definitions agree."""
    for key in ("", "a", "ab", "abc", "abcd", "san-jose", ids.order_id("acme", "1"), "é-ü"):
        assert partition_of(key.encode(), 7) == (murmur2(key.encode()) & 0x7FFFFFFF) % 7
    assert derived("x", "charge") == ids.derive("x", "charge")


class TestRecords:
    """Every event is readable, whole and in its place."""

    def test_a_bad_record(self) -> None:
        """An event that is none of its topic."""
        story = whole()
        story.record("order.events", "x", {"type": "OrderCreated"})
        assert "can't be read" in texts(story.judged(check_records))

    def test_a_foreign_key(self) -> None:
        """A key that is not the aggregate's id."""
        story = whole()
        story.change(story.find("order.events", "OrderDelivered"), key=b"other")
        assert "its key is b'other'" in texts(story.judged(check_records))

    def test_a_wrong_partition(self) -> None:
        """An event where other keys live."""
        story = whole()
        event = story.find("driver.events", "GoodsPickedUp")
        topic = story.entries[event.topic]
        topic[topic.index(event)] = replace(event, partition=(event.partition + 1) % 4, offset=99)
        assert "belongs into partition" in texts(story.judged(check_records))

    def test_an_id_that_is_rolled(self) -> None:
        """An id that does not derive from the command's."""
        story = whole()
        story.change(story.find("order.events", "OrderDelivered"), id="rolled")
        assert "does not derive" in texts(story.judged(check_records))


class TestVersions:
    """Versions follow each other."""

    def test_a_copy_is_harmless(self) -> None:
        """The very same event again is a note."""
        story = whole()
        story.repeat(story.find("order.events", "OrderScheduled"))
        verdict = story.judged(check_versions)
        assert texts(verdict) == ""
        assert "harmless duplicate of OrderScheduled" in verdict.notes[0].text
        assert texts(story.judged(check_commands)) == ""
        assert texts(story.judged(check_statuses)) == ""

    def test_another_event_of_the_same_version(self) -> None:
        """What two owners of a partition leave, where they decided differently."""
        story = whole()
        story.repeat(story.find("order.events", "OrderScheduled"), charge_id="other")
        assert "has version 2, as OrderScheduled at" in texts(story.judged(check_versions))

    def test_an_event_that_was_decided_on_another(self) -> None:
        """What a worker leaves that has not seen the end of the log."""
        story = whole()
        story.change(story.find("order.events", "PreparationDue"), follows="another")
        assert "it was decided on another event than" in texts(story.judged(check_versions))

    def test_a_lost_event(self) -> None:
        """A gap in the versions."""
        story = whole()
        story.drop(story.find("order.events", "PreparationDue"))
        assert "version 2 is followed by version 4" in texts(story.judged(check_versions))

    def test_a_lost_beginning(self) -> None:
        """An aggregate without its first event, where nothing was deleted."""
        story = whole()
        story.drop(story.find("order.events", "OrderCreated"))
        assert "its first event has version 2" in texts(story.judged(check_versions))

    def test_a_deleted_beginning_is_left_out(self) -> None:
        """Where retention took the log's beginning, nothing is said of what it began."""
        story = whole()
        for topic in ("order.events", "order.commands"):
            for partition in range(4):
                story.begins[topic, partition] = 1
        story.drop(story.find("order.events", "OrderCreated"))
        for rule in RULES:
            assert texts(story.judged(rule)) == ""
        assert "1 aggregates began" in story.judged(check_versions).notes[0].text

    @pytest.mark.parametrize("seed", range(40))
    def test_retention_breaks_no_rule(self, seed: int) -> None:
        """However much of each partition's beginning is gone, what is left is clean."""
        story, random = whole(), Random(seed)
        for topic in TOPICS:
            for partition in range(PARTITIONS):
                kept = [each for each in story.entries[topic] if each.partition == partition]
                begin = random.randint(0, len(kept)) if random.random() < 0.7 else 0
                story.begins[topic, partition] = begin
                story.drop(*kept[:begin])
        for rule in RULES:
            assert texts(story.judged(rule)) == ""


class TestWriters:
    """Who has lost a partition appends to it no more."""

    FIRST = Writer("worker-1", 1, NOON)
    SECOND = Writer("worker-2", 2, NOON + timedelta(seconds=9))

    def _story(self, *writers: Writer) -> Story:
        """The first events of one order are by these writers, the rest by the last."""
        story = whole()
        for number, event in enumerate(list(story.entries["order.events"])):
            story.change(event, writer=writers[min(number, len(writers) - 1)])
        return story

    def test_partitions_move(self) -> None:
        """To another worker, and back to the first under a new assignment."""
        back = replace(self.FIRST, generation=3, since=NOON + timedelta(seconds=30))
        story = self._story(self.FIRST, self.FIRST, self.SECOND, back)
        assert texts(story.judged(check_writers)) == ""

    def test_a_writer_that_was_succeeded_comes_back(self) -> None:
        """Though its event is of the right version, and nothing else tells."""
        story = self._story(self.FIRST, self.SECOND, self.FIRST, self.SECOND)
        told = texts(story.judged(check_writers))
        assert "by worker-1 of generation 1, which worker-2 of generation 2 had succeeded" in told
        assert texts(story.judged(check_versions)) == ""

    def test_a_writer_that_was_succeeded_appends_for_the_first_time(self) -> None:
        """It had taken the partition and written nothing before another took it."""
        told = texts(self._story(self.SECOND, self.FIRST, self.SECOND).judged(check_writers))
        assert "by worker-1 of generation 1" in told

    def test_a_group_that_begins_to_count_anew(self) -> None:
        """After all its members were gone for long: a later writer of a lower generation."""
        later = replace(self.FIRST, since=NOON + timedelta(days=9))
        assert texts(self._story(self.SECOND, later).judged(check_writers)) == ""

    def test_a_clock_that_was_set_back(self) -> None:
        """The successor's machine is behind: the group's count is believed."""
        behind = replace(self.SECOND, since=NOON - timedelta(seconds=9))
        assert texts(self._story(self.FIRST, behind).judged(check_writers)) == ""

    def test_a_copy_by_a_writer_that_was_succeeded_is_harmless(self) -> None:
        """A worker that was cut off decides the same commands, and its events count for nothing."""
        story = self._story(self.FIRST, self.SECOND)
        copy = story.repeat(story.find("order.events", "OrderScheduled"))
        story.change(copy, writer=self.FIRST)
        verdict = story.judged(check_writers)
        assert texts(verdict) == ""
        assert "had succeeded" in verdict.notes[0].text


class TestCommands:
    """One accepted command is one event."""

    def test_two_events_of_a_command(self) -> None:
        """A command that was decided twice."""
        story = whole()
        event = story.find("order.events", "OrderDelivered")
        story.repeat(event, version=event["version"] + 1)
        assert "second event of command" in texts(story.judged(check_commands))

    def test_an_event_without_a_command(self) -> None:
        """An event out of nowhere."""
        story = whole()
        story.drop(story.find("order.commands", "RecordDropoff"))
        assert "which is not in the log" in texts(story.judged(check_commands))

    def test_refused_and_accepted_is_a_note(self) -> None:
        """Decision 001: a refused command may be followed by an event after a crash."""
        story = whole()
        story.refuse(story.find("order.commands", "RecordDropoff"))
        verdict = story.judged(check_commands)
        assert texts(verdict) == ""
        assert "also refused" in verdict.notes[0].text


class TestAnswers:
    """Every command has its event, its rejection or its dead letter."""

    def test_a_command_that_was_lost(self) -> None:
        """What an early commit and a crash leave of a payment."""
        story = Story()
        order_id = created(story, "r-1")
        command = story.command(
            "order", "ConfirmPayment", {"order_id": order_id, "charge_id": "ch"}
        )
        verdict = story.judged(check_answers)
        assert "ConfirmPayment has no event" in texts(verdict)
        assert verdict.violations[0].place == command.place
        story.refuse(command)
        assert texts(story.judged(check_answers)) == ""

    def test_a_repeat_needs_no_answer(self) -> None:
        """The same report a second time."""
        story = whole()
        ready = story.find("order.commands", "FinishPreparation")
        story.command("order", "FinishPreparation", {"order_id": ready["order_id"]})
        assert texts(story.judged(check_answers)) == ""

    def test_a_lost_offer(self) -> None:
        """An offer that the driver's twin never answered."""
        story = whole()
        story.drop(story.find("driver.events", "DeliveryAccepted"))
        assert "AssignDelivery has no event" in texts(story.judged(check_answers))

    def test_a_bad_record_without_a_dead_letter(self) -> None:
        """A record that can't be taken is put aside, never passed over."""
        story = whole()
        bad = story.record("delivery.commands", "x", {"type": "Nothing"})
        assert "has no dead letter" in texts(story.judged(check_answers))
        story.put_aside(bad)
        assert texts(story.judged(check_answers)) == ""

    def test_a_young_command_has_time(self) -> None:
        """What was sent a moment ago may still be on its way."""
        story = Story()
        told = {"order_id": created(story, "r-1"), "charge_id": "ch"}
        story.command("order", "ConfirmPayment", told)
        assert texts(check_answers(story.evidence(age=timedelta(seconds=9)))) == ""


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
        """Two delivered, one refunded, one that is open."""
        story = whole()
        paid_and_due(story, "r-9")
        [note] = story.judged(check_money).notes
        assert note.text == "charged 3600, delivered 1800, refunded 900, open 900 cents"

    def test_a_rejected_order_that_was_charged(self) -> None:
        """The customer paid for nothing."""
        story = whole()
        story.charges[-1]["status"] = "succeeded"
        assert "charged 900, but delivered 0" in texts(story.judged(check_money))

    def test_a_refund_that_nobody_made(self) -> None:
        """The log tells of a refund that the provider has not."""
        story = whole()
        story.refunds.clear()
        found = texts(story.judged(check_money))
        assert "refunded 0" in found
        assert "which the provider has not" in found

    def test_a_refund_beyond_the_charge(self) -> None:
        """More is given back than was taken."""
        story = whole()
        story.refunds.append({**story.refunds[0], "id": "re-2"})
        assert "refunded 1800 of 900 cents charged" in texts(story.judged(check_money))

    def test_a_refund_of_a_delivered_order(self) -> None:
        """The customer has food and money."""
        story = whole()
        key = story.charges[0]["idempotency_key"]
        story.refunds.append({**story.refunds[0], "charge_idempotency_key": key})
        assert "refunded, but not cancelled" in texts(story.judged(check_money))

    def test_a_cancelled_order_may_wait_for_its_refund(self) -> None:
        """It is open, and told as such."""
        story = whole()
        story.refunds.clear()
        story.drop(story.find("order.events", "PaymentRefunded"))
        assert texts(story.judged(check_money)) == ""
        [open_order] = open_orders(story.evidence())
        assert open_order.status == "CANCELLED, refund open"


class TestTickets:
    """At most one printed ticket, once the order is paid."""

    def test_a_second_ticket(self) -> None:
        """What a doubled call with another key leaves."""
        story = whole()
        order_id = story.tickets[0]["order_id"]
        ticket(story, order_id, idempotency_key="rolled", id="ticket-2")
        found = texts(story.judged(check_tickets))
        assert "2 tickets are printed" in found
        assert "a ticket has the key rolled" in found

    def test_a_ticket_of_an_order_that_was_not_paid(self) -> None:
        """Food that nobody pays for."""
        story = Story()
        ticket(story, created(story, "r-1"))
        ticket(story, "unknown")
        found = texts(story.judged(check_tickets))
        assert found.count("never paid and due") == 2

    def test_a_ticket_that_the_restaurant_has_not(self) -> None:
        """The log tells of a ticket that was never printed."""
        story = whole()
        story.tickets.pop(0)
        assert "which the point of sale has not" in texts(story.judged(check_tickets))

    def test_a_ticket_of_another_restaurant(self) -> None:
        """The wrong kitchen cooks."""
        story = whole()
        story.tickets[0]["restaurant_id"] = "other"
        assert "of another restaurant than grill" in texts(story.judged(check_tickets))


class TestSchedule:
    """No preparation before its time."""

    def test_an_early_start(self) -> None:
        """Two milliseconds are too early; one may be cut off by the broker."""
        story = whole()
        due = story.find("order.events", "PreparationDue")
        scheduled = story.find("order.events", "OrderScheduled")
        for milliseconds, is_early in ((1, False), (2, True)):
            prepare_at = due.instant("occurred_at") + timedelta(milliseconds=milliseconds)
            scheduled = story.change(scheduled, prepare_at=prepare_at.isoformat())
            assert ("starts at" in texts(story.judged(check_schedule))) is is_early

    def test_a_ticket_before_its_time(self) -> None:
        """The point of sale's clock tells as well."""
        story = whole()
        prepare_at = (story.now + timedelta(minutes=1)).isoformat()
        story.change(story.find("order.events", "OrderScheduled"), prepare_at=prepare_at)
        assert "its ticket is of" in texts(story.judged(check_schedule))

    def test_a_delay_that_was_forgotten(self) -> None:
        """prepare_at is before the delay that was asked for has passed."""
        story = whole()
        story.change(story.find("order.events", "OrderCreated"), delay_seconds=60)
        assert "sooner than its delay" in texts(story.judged(check_schedule))


class TestStatuses:
    """Status never moves back, and final is final."""

    def test_a_step_back(self) -> None:
        """An order on the road is cooked again."""
        story = whole()
        event = story.find("order.events", "OrderPickedUp")
        story.change(event, type="PreparationStarted")
        found = texts(story.judged(check_statuses))
        assert "PreparationStarted while it is WAITING_FOR_DRIVER" in found

    def test_an_event_after_the_end(self) -> None:
        """A delivered order gets another ETA."""
        story = whole()
        end = story.find("order.events", "OrderDelivered")
        eta_at = end["occurred_at"]
        story.repeat(end, type="OrderEtaChanged", version=end["version"] + 1, eta_at=eta_at)
        assert "OrderEtaChanged while it is DELIVERED" in texts(story.judged(check_statuses))

    def test_two_refunds(self) -> None:
        """What may happen once does not happen twice."""
        story = whole()
        end = story.find("order.events", "PaymentRefunded")
        story.repeat(end, version=end["version"] + 1)
        assert "a second PaymentRefunded" in texts(story.judged(check_statuses))


class TestOrders:
    """Every acknowledged order is taken, and ends."""

    def test_a_lost_order(self) -> None:
        """What an early commit and a crash leave of a submission."""
        story = whole()
        order_id = created(story, "lost")
        story.drop(story.find("order.events", "OrderCreated", -1))
        verdict = story.judged(check_orders)
        assert "is lost" in texts(verdict)
        assert verdict.violations[0].order_id == order_id
        assert texts(check_orders(story.evidence(age=timedelta(seconds=9)))) == ""

    def test_a_refused_order_is_not_lost(self) -> None:
        """A rejection is an answer, and so is a dead letter."""
        for answer in (Story.refuse, Story.put_aside):
            story = Story()
            created(story, "refused")
            story.drop(story.find("order.events", "OrderCreated"))
            answer(story, story.find("order.commands", "SubmitOrder"))
            assert texts(story.judged(check_orders)) == ""

    def test_an_open_order_is_told_with_its_age(self) -> None:
        """It is a violation only when somebody has said how long it may take."""
        story = whole()
        order_id = cooked(story, "open")
        [note] = story.judged(check_orders).notes
        assert (note.order_id, note.text) == (order_id, "SCHEDULING_DELIVERY for 3601 s")
        verdict = story.judged(check_orders, Patience(open_seconds_max=3600))
        assert "SCHEDULING_DELIVERY" in texts(verdict)

    def test_an_acknowledgement_that_only_the_partner_knows(self) -> None:
        """An order that was acknowledged over HTTP and never reached the log."""
        story = whole()
        evidence = replace(story.evidence(), acknowledged=frozenset({"never-seen"}))
        assert texts(check_orders(evidence)).startswith("order/never-seen: it was acknowledged")


class TestDrivers:
    """One live driver per delivery, one live delivery per driver."""

    def test_a_driver_of_two_deliveries(self) -> None:
        """A driver takes a second one before the first is done."""
        story = whole()
        for type_ in ("GoodsPickedUp", "GoodsDroppedOff"):
            story.drop(story.find("driver.events", type_))
        delivered(story, "r-9", "driver-1")
        found = texts(story.judged(check_drivers))
        assert "DriverBecameAvailable while on" in found
        assert "takes" in found

    def test_a_delivery_of_two_drivers(self) -> None:
        """Two twins take the same delivery."""
        story = whole()
        first = story.find("driver.events", "DeliveryAccepted")
        second = story.find("driver.events", "DeliveryAccepted", 1)
        story.change(second, delivery_id=first["delivery_id"])
        assert f"which driver-1 took at {first.place}" in texts(story.judged(check_drivers))

    def test_a_delivery_that_changes_hands(self) -> None:
        """A second driver is assigned, and delivers."""
        story = whole()
        story.change(story.find("delivery.events", "DeliveryCompleted"), driver_id="driver-9")
        found = texts(story.judged(check_drivers))
        assert "DeliveryCompleted by driver-9, but driver-1 drives it" in found

    def test_a_drop_off_before_the_pickup(self) -> None:
        """In the driver's log, and in the delivery's."""
        story = whole()
        story.drop(story.find("driver.events", "GoodsPickedUp"))
        story.drop(story.find("delivery.events", "DeliveryPickedUp"))
        found = texts(story.judged(check_drivers))
        assert "drops off" in found
        assert "DeliveryCompleted while it is DRIVER_ASSIGNED" in found

    def test_services_that_disagree(self) -> None:
        """An order, a delivery or a region that names another driver than the one who took it."""
        for topic, type_ in (
            ("order.events", "DriverFound"),
            ("delivery.events", "DriverAssigned"),
            ("matcher.events", "OfferConfirmed"),
        ):
            story = whole()
            story.change(story.find(topic, type_), driver_id="driver-9")
            found = texts(story.judged(check_drivers))
            assert f"{type_} names driver-9, but driver-1 took the delivery" in found

    def test_two_open_offers(self) -> None:
        """A delivery, and a driver, that is offered twice at a time."""
        story = whole()
        registered = story.find("matcher.events", "DriverRegistered", 1)
        [offer] = registered["offers"]
        other_driver = {**offer, "driver": {**offer["driver"], "driver_id": "driver-9"}}
        other_delivery = {**offer, "delivery": {**offer["delivery"], "delivery_id": "d-9"}}
        for other, text in (
            (other_driver, "is offered to driver-9 and to driver-2"),
            (other_delivery, "driver-2 is offered d-9 while another offer is open"),
        ):
            registered = story.change(registered, offers=[offer, other])
            assert text in texts(story.judged(check_drivers))

    def test_a_delivery_of_another_order(self) -> None:
        """A delivery's id derives from its order's."""
        story = whole()
        story.change(story.find("delivery.events", "DeliveryStarted"), order_id="other")
        assert "not the delivery of its order" in texts(story.judged(check_drivers))


class TestReactions:
    """What one service says reaches those who act on it."""

    @pytest.mark.parametrize(
        ("topic", "type_", "before"),
        [
            ("delivery.events", "DeliveryStarted", "PreparationFinished"),
            ("matcher.events", "DriverRequested", "DeliveryStarted"),
            ("driver.events", "DeliveryAccepted", "DriverRegistered"),
            ("matcher.events", "OfferConfirmed", "DeliveryAccepted"),
            ("delivery.events", "DriverAssigned", "DeliveryAccepted"),
            ("order.events", "DriverFound", "DriverAssigned"),
            ("delivery.events", "DeliveryPickedUp", "GoodsPickedUp"),
            ("order.events", "OrderPickedUp", "DeliveryPickedUp"),
            ("delivery.events", "DeliveryCompleted", "GoodsDroppedOff"),
            ("order.events", "OrderDelivered", "DeliveryCompleted"),
            ("matcher.commands", "RegisterDriver", "DriverBecameAvailable"),
            ("delivery.commands", "TrackDriver", "DriverLocated"),
            ("order.commands", "RecordEta", "DeliveryEtaChanged"),
        ],
    )
    def test_a_reaction_that_was_dropped(self, topic: str, type_: str, before: str) -> None:
        """Each is missed by the event before it, once it is settled."""
        story = whole()
        story.drop(story.find(topic, type_))
        assert f"{before} " in texts(story.judged(check_reactions))
        assert texts(check_reactions(story.evidence(age=-timedelta(minutes=1)))) == ""

    def test_a_reaction_that_was_refused_is_a_note(self) -> None:
        """A refusal is an answer."""
        story = whole()
        story.drop(story.find("order.events", "OrderDelivered"))
        story.refuse(story.find("order.commands", "RecordDropoff"))
        verdict = story.judged(check_reactions)
        assert texts(verdict) == ""
        assert "refused" in verdict.notes[0].text


class TestOutcomes:
    """What the outside world and the clock did is told in the log."""

    def test_a_charge_that_is_not_told(self) -> None:
        """The provider has charged, and the order still waits."""
        story = Story()
        charge(story, created(story, "r-1"))
        assert "a succeeded charge" in texts(story.judged(check_outcomes))
        assert texts(check_outcomes(story.evidence(age=timedelta(seconds=59)))) == ""

    def test_a_due_time_that_passed(self) -> None:
        """A timer that never fired."""
        story = Story()
        paid_and_due(story, "r-1")
        story.drop(story.find("order.events", "PreparationDue"))
        assert "the due time" in texts(story.judged(check_outcomes))

    def test_tickets_and_refunds_that_are_not_told(self) -> None:
        """Each has its event."""
        story = whole()
        for type_ in ("PreparationStarted", "PreparationFinished"):
            story.drop(story.find("order.events", type_))
        story.drop(story.find("order.events", "PaymentRefunded"))
        found = texts(story.judged(check_outcomes))
        assert "a ticket, accepted," in found
        assert "a refund" in found

    def test_an_order_that_says_that_it_waits(self) -> None:
        """A provider that is down is no violation."""
        story = Story()
        order_id = created(story, "r-1")
        charge(story, order_id)
        told = {"order_id": order_id, "attempts": 5, "error": "no answer"}
        story.step("order", "ReportPaymentDelay", "PaymentDelayed", told)
        verdict = story.judged(check_outcomes)
        assert texts(verdict) == ""
        assert len(verdict.notes) == 1
