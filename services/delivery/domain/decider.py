"""The answer of a delivery to each command, and the aggregate for the runtime."""

from datetime import datetime
from typing import assert_never

from services.common.decider import Decider, Rejected
from services.common.messages.delivery import (
    AssignDriver,
    CancelDelivery,
    CheckDeliveryDeadline,
    ConfirmDropoff,
    ConfirmPickup,
    ConfirmRelease,
    ConfirmReturn,
    DeliveryCommand,
    DeliveryEtaChanged,
    DeliveryEvent,
    DeliveryStarted,
    FailDelivery,
    ReassignDelivery,
    ReportSilence,
    ReportWrongCodes,
    StartDelivery,
    TrackDriver,
    UnassignDriver,
    WaiveCode,
    WriteOffDelivery,
)
from services.delivery.domain import code, deadlines, driver, goods
from services.delivery.domain.deadlines import DeliveryLimits
from services.delivery.domain.delivery import Delivery, evolve, labels
from services.delivery.domain.travel import Travel, track

DEFAULT_LIMITS = DeliveryLimits()


def decide(
    command: DeliveryCommand,
    delivery: Delivery | None,
    at: datetime,
    travel: Travel,
    limits: DeliveryLimits = DEFAULT_LIMITS,
) -> DeliveryEvent | Rejected | None:
    """The event of a command, Rejected, or None for a repeat."""
    if isinstance(command, StartDelivery):
        return _started(command) if delivery is None else None
    if delivery is None:
        return Rejected("unknown_delivery", f"there is no delivery {command.delivery_id}")
    match command:
        case AssignDriver():
            return driver.assign(command, delivery, at, travel)
        case UnassignDriver():
            return driver.unassign(command, delivery)
        case ConfirmRelease():
            return driver.release(command, delivery)
        case ReportSilence():
            return driver.report_silence(command, delivery, at)
        case ReassignDelivery():
            return driver.reassign(command, delivery)
        case TrackDriver():
            return track(command, delivery, travel)
        case ConfirmPickup():
            return goods.pick_up(command, delivery)
        case ConfirmDropoff():
            return goods.drop_off(command, delivery)
        case FailDelivery():
            return goods.fail(command, delivery)
        case ConfirmReturn():
            return goods.return_goods(command, delivery)
        case CancelDelivery():
            return goods.cancel(command, delivery)
        case WriteOffDelivery():
            return goods.write_off(command, delivery)
        case ReportWrongCodes():
            return code.report_wrong_codes(command, delivery, at)
        case WaiveCode():
            return code.waive(command, delivery)
        case CheckDeliveryDeadline():
            return deadlines.check_deadline(command, delivery, limits)
        case _:
            assert_never(command)


def delivery_decider(
    travel: Travel, limits: DeliveryLimits = DEFAULT_LIMITS
) -> Decider[Delivery, DeliveryCommand, DeliveryEvent]:
    """The delivery aggregate for the runtime."""
    return Decider(
        name="delivery",
        key_field="delivery_id",
        decide=lambda command, delivery, at: decide(command, delivery, at, travel, limits),
        evolve=evolve,
        agenda=lambda delivery: deadlines.agenda(delivery, limits),
        labels=labels,
        listed_at=lambda delivery: delivery.started_at,
        state_type=Delivery,
        stage=lambda delivery: (delivery.status.value, "now"),
        routine={DeliveryEtaChanged.__name__},
    )


def _started(command: StartDelivery) -> DeliveryStarted:
    return DeliveryStarted(
        delivery_id=command.delivery_id,
        order_id=command.order_id,
        region=command.region,
        pickup=command.pickup,
        dropoff=command.dropoff,
        code=command.code,
    )
