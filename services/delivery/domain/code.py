"""The code that the driver has to name at the door."""

from datetime import datetime

from services.common.decider import Rejected
from services.common.messages.delivery import (
    CodeWaived,
    DeliveryFlagged,
    ReportWrongCodes,
    WaiveCode,
)
from services.delivery.domain.delivery import (
    FINAL,
    WRONG_CODES,
    Delivery,
    DeliveryStatus,
    final,
    not_its_driver,
)


def report_wrong_codes(
    command: ReportWrongCodes, delivery: Delivery, at: datetime
) -> DeliveryFlagged | Rejected | None:
    """No more codes are taken at the door; operators are to find out why."""
    if delivery.status in FINAL:
        return final(delivery)
    if delivery.driver_id != command.driver_id:
        return not_its_driver(command.driver_id, delivery)
    match delivery.status:
        case DeliveryStatus.DRIVER_ASSIGNED | DeliveryStatus.CANCELLING:
            return Rejected("not_picked_up", "the goods were not picked up yet")
        case DeliveryStatus.PICKED_UP if (
            delivery.code is not None and WRONG_CODES not in delivery.flags
        ):
            return DeliveryFlagged(delivery.delivery_id, delivery.order_id, WRONG_CODES, at)
        case _:
            return None  # flagged already, or no code is asked for any more


def waive(command: WaiveCode, delivery: Delivery) -> CodeWaived | Rejected | None:
    """No code is asked for any more; only a driver on its way can be told so."""
    if delivery.is_code_waived:
        return None
    if delivery.code is None:
        return Rejected("no_code", "the goods are handed over without a code")
    if delivery.status in FINAL:
        return final(delivery)
    if delivery.status not in (DeliveryStatus.DRIVER_ASSIGNED, DeliveryStatus.PICKED_UP):
        return Rejected("no_driver", "no driver is on its way to the door")
    return CodeWaived(delivery.delivery_id, delivery.order_id, delivery.driver_id, command.reason)
