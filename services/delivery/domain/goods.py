"""Where the goods are: at the restaurant, on board, at the door, or on their way back."""

from services.common.decider import Rejected
from services.common.messages.delivery import (
    CancelDelivery,
    ConfirmDropoff,
    ConfirmPickup,
    ConfirmReturn,
    DeliveryCancelled,
    DeliveryCancelling,
    DeliveryCompleted,
    DeliveryFailed,
    DeliveryPickedUp,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryWrittenOff,
    FailDelivery,
    WriteOffDelivery,
)
from services.delivery.domain.delivery import (
    FINAL,
    Delivery,
    DeliveryStatus,
    final,
    not_its_driver,
)
from services.delivery.domain.driver import cancelled


def pick_up(
    command: ConfirmPickup, delivery: Delivery
) -> DeliveryPickedUp | DeliveryRecalled | Rejected | None:
    """The driver has the goods; of a cancelled delivery they go back."""
    driver_id = command.driver_id
    if delivery.driver_id != driver_id:
        return not_its_driver(driver_id, delivery)
    match delivery.status:
        case DeliveryStatus.DRIVER_ASSIGNED:
            return DeliveryPickedUp(delivery.delivery_id, delivery.order_id, driver_id)
        case DeliveryStatus.CANCELLING:
            return _recalled(delivery, driver_id, delivery.reason or "cancelled")
        case _:
            return None


def drop_off(command: ConfirmDropoff, delivery: Delivery) -> DeliveryCompleted | Rejected | None:
    """The goods are at the door, even when the driver did not know yet that they are not to be.

    They were recalled, or another driver is sought in its place.
    """
    driver_id = command.driver_id
    if delivery.taken_off == driver_id:
        return DeliveryCompleted(
            delivery.delivery_id, delivery.order_id, driver_id, delivery.region
        )
    if delivery.driver_id != driver_id:
        return not_its_driver(driver_id, delivery)
    match delivery.status:
        case DeliveryStatus.DELIVERED:
            return None
        case DeliveryStatus.RETURNING if not delivery.is_recalled:
            return Rejected("returning", "the driver itself has said that nobody took the goods")
        case DeliveryStatus.PICKED_UP | DeliveryStatus.RETURNING:
            return DeliveryCompleted(delivery.delivery_id, delivery.order_id, driver_id)
        case status if status in FINAL:
            return final(delivery)
        case _:
            return _not_picked_up()


def fail(command: FailDelivery, delivery: Delivery) -> DeliveryFailed | Rejected | None:
    """Nobody takes the goods; they go back."""
    if delivery.driver_id != command.driver_id:
        return not_its_driver(command.driver_id, delivery)
    match delivery.status:
        case DeliveryStatus.PICKED_UP:
            return DeliveryFailed(
                delivery.delivery_id, delivery.order_id, command.driver_id, command.reason
            )
        case DeliveryStatus.RETURNING:
            return None
        case status if status in FINAL:
            return final(delivery)
        case _:
            return _not_picked_up()


def return_goods(command: ConfirmReturn, delivery: Delivery) -> DeliveryReturned | Rejected | None:
    """The restaurant has the goods back."""
    if delivery.driver_id != command.driver_id:
        return not_its_driver(command.driver_id, delivery)
    match delivery.status:
        case DeliveryStatus.RETURNING:
            return DeliveryReturned(delivery.delivery_id, delivery.order_id, command.driver_id)
        case DeliveryStatus.RETURNED:
            return None
        case status if status in FINAL:
            return final(delivery)
        case _:
            return Rejected("not_returning", "the goods are not on their way back")


def cancel(
    command: CancelDelivery, delivery: Delivery
) -> DeliveryCancelled | DeliveryCancelling | DeliveryRecalled | Rejected | None:
    """The order was cancelled: the driver is told, and goods on board go back."""
    driver_id = delivery.driver_id or ""
    match delivery.status:
        case DeliveryStatus.WAITING_FOR_DRIVER:
            return cancelled(delivery, command.reason)
        case DeliveryStatus.DRIVER_ASSIGNED:
            return DeliveryCancelling(
                delivery.delivery_id, delivery.order_id, driver_id, command.reason
            )
        case DeliveryStatus.PICKED_UP:
            return _recalled(delivery, driver_id, command.reason)
        case DeliveryStatus.DELIVERED:
            return final(delivery)
        case _:
            return None


def write_off(
    command: WriteOffDelivery, delivery: Delivery
) -> DeliveryWrittenOff | Rejected | None:
    """An operator gives up on goods that do not come back."""
    match delivery.status:
        case DeliveryStatus.RETURNING | DeliveryStatus.CANCELLING:
            return DeliveryWrittenOff(
                delivery.delivery_id, delivery.order_id, delivery.driver_id, command.reason
            )
        case DeliveryStatus.WRITTEN_OFF:
            return None
        case status if status in FINAL:
            return final(delivery)
        case _:
            return Rejected("impossible_now", "the goods are not on their way back")


def _recalled(delivery: Delivery, driver_id: str, reason: str) -> DeliveryRecalled:
    return DeliveryRecalled(delivery.delivery_id, delivery.order_id, driver_id, reason)


def _not_picked_up() -> Rejected:
    return Rejected("not_picked_up", "the goods were not picked up yet")
