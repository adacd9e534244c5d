"""What the driver service's front shows: never the code that the customer is to name."""

from dataclasses import fields
from typing import Any

from msgspec.structs import asdict

from services.common.decider import Row
from services.common.messages.driver import AssignedDelivery, OfferedDelivery
from services.driver.domain import Driver


def driver_view(driver_id: str, row: Row[Driver]) -> dict[str, Any]:
    """A driver as people see it."""
    driver = row.state
    shown = asdict(driver)
    del shown["snapshot_at"]
    return {
        **shown,
        "offer": None if driver.offer is None else without_code(driver.offer),
        "delivery": None if driver.delivery is None else without_code(driver.delivery),
        "version": row.version,
        "changed_at": row.changed_at,
    }


def work_view(work: AssignedDelivery, wrong_codes_max: int) -> dict[str, Any]:
    """A delivery as the phone of its driver sees it."""
    is_locked = work.code is not None and work.wrong_codes >= wrong_codes_max
    return {**without_code(work), "code_locked": is_locked}


def without_code(work: OfferedDelivery | AssignedDelivery) -> dict[str, Any]:
    """A delivery, with whether a code is to be named in place of the code."""
    shown = {field.name: getattr(work, field.name) for field in fields(work)}
    requires_code = shown.pop("code") is not None
    return {**shown, "requires_code": requires_code}
