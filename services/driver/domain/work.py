"""What becomes of the delivery that a driver works on."""

from typing import assert_never

from services.common.decider import Rejected
from services.common.messages.driver import (
    AssignedDelivery,
    CodeLifted,
    CodeRefused,
    DeliveryGivenUp,
    DriverEvent,
    DriverReleased,
    DropoffFailed,
    GiveUpDelivery,
    GoodsDroppedOff,
    GoodsPickedUp,
    GoodsReturned,
    LiftCode,
    RecallGoods,
    ReleaseDriver,
    ReportDropoff,
    ReportFailure,
    ReportPickup,
    ReportReturn,
    ReturnOrdered,
)
from services.driver.domain.limits import DriverLimits
from services.driver.domain.offers import withdrawn
from services.driver.domain.twin import Driver

Report = GiveUpDelivery | ReportPickup | ReportDropoff | ReportFailure | ReportReturn
Instruction = ReleaseDriver | RecallGoods | LiftCode


def decide_report(
    command: Report, driver: Driver, limits: DriverLimits
) -> DriverEvent | Rejected | None:
    """What becomes of the delivery when the driver's phone tells of it."""
    work = driver.delivery
    if work is None or work.delivery_id != command.delivery_id:
        return _report_on_another(command, driver)
    match command:
        case GiveUpDelivery(reason=reason):
            if work.picked_up:
                return Rejected("picked_up", f"the goods of {work.delivery_id} are on board")
            return DeliveryGivenUp(
                driver.driver_id, work.delivery_id, work.order_id, work.region, reason
            )
        case ReportPickup():
            if work.picked_up:
                return None
            return GoodsPickedUp(driver.driver_id, work.delivery_id, work.order_id)
        case ReportDropoff(code=code):
            return _drop_off(code, driver, work, limits)
        case ReportFailure(reason=reason):
            if work.returning:
                return None
            if not work.picked_up:
                return _not_picked_up(work)
            return DropoffFailed(driver.driver_id, work.delivery_id, work.order_id, reason)
        case ReportReturn():
            if not work.returning:
                return Rejected("not_returning", f"{work.delivery_id} is not to be returned")
            return GoodsReturned(driver.driver_id, work.delivery_id, work.order_id)
        case _:
            assert_never(command)


def _report_on_another(command: Report, driver: Driver) -> Rejected | None:
    """A report that comes again after the delivery has ended is a repeat."""
    match command:
        case ReportPickup() | ReportDropoff() | ReportReturn():
            is_repeat = command.delivery_id == driver.last_delivery_id
        case GiveUpDelivery():
            is_repeat = command.delivery_id in driver.rejected
        case ReportFailure():
            is_repeat = False
        case _:
            assert_never(command)
    if is_repeat:
        return None
    return Rejected("not_assigned", f"{command.delivery_id} is not assigned to {driver.driver_id}")


def _drop_off(
    code: str | None, driver: Driver, work: AssignedDelivery, limits: DriverLimits
) -> DriverEvent | Rejected:
    if not work.picked_up:
        return _not_picked_up(work)
    if work.returning:
        return Rejected("returning", f"the goods of {work.delivery_id} go back")
    if work.code is not None:
        if code is None:
            return Rejected("code_needed", f"{work.delivery_id} needs the customer's code")
        if work.wrong_codes >= limits.wrong_codes_max:
            return Rejected("code_locked", f"{work.wrong_codes} wrong codes were named")
        if code != work.code:
            wrong_codes = work.wrong_codes + 1
            return CodeRefused(
                driver.driver_id,
                work.delivery_id,
                work.order_id,
                wrong_codes,
                is_locked=wrong_codes >= limits.wrong_codes_max,
            )
    return GoodsDroppedOff(driver.driver_id, work.delivery_id, work.order_id)


def decide_instruction(command: Instruction, driver: Driver) -> DriverEvent | None:
    """What becomes of the delivery when others say how it goes on."""
    offer, work = driver.offer, driver.delivery
    if offer is not None and offer.delivery_id == command.delivery_id:
        match command:
            case ReleaseDriver():
                return withdrawn(driver, offer)
            case RecallGoods():
                return None
            case LiftCode():
                if offer.code is None:
                    return None
                return CodeLifted(driver.driver_id, offer.delivery_id, offer.order_id)
            case _:
                assert_never(command)
    if work is None or work.delivery_id != command.delivery_id:
        return None
    match command:
        case ReleaseDriver(reason=reason, leaves_goods=leaves_goods):
            if work.returning and driver.is_silent:
                leaves_goods = True  # told once more, and has vanished on the way back
            return _end(driver, work, reason, takes_goods_back=not leaves_goods)
        case RecallGoods(reason=reason):
            return _end(driver, work, reason, takes_goods_back=True)
        case LiftCode():
            if work.code is None:
                return None
            return CodeLifted(driver.driver_id, work.delivery_id, work.order_id)
        case _:
            assert_never(command)


def _end(
    driver: Driver, work: AssignedDelivery, reason: str, takes_goods_back: bool
) -> DriverReleased | ReturnOrdered | None:
    if not (work.picked_up and takes_goods_back):
        return DriverReleased(driver.driver_id, work.delivery_id, work.order_id, reason)
    if work.returning:
        return None
    return ReturnOrdered(driver.driver_id, work.delivery_id, work.order_id, reason)


def _not_picked_up(work: AssignedDelivery) -> Rejected:
    return Rejected("not_picked_up", f"{work.delivery_id} was not picked up yet")
