"""The digital twin of a driver: State, decide, evolve; one module per theme."""

from services.driver.domain.decider import decide, driver_decider, labels, snapshot
from services.driver.domain.limits import WRONG_CODES_CEILING, DriverLimits
from services.driver.domain.locations import CLOCK_AHEAD_MAX
from services.driver.domain.twin import REJECTED_MAX, Driver, evolve

__all__ = [
    "CLOCK_AHEAD_MAX",
    "REJECTED_MAX",
    "WRONG_CODES_CEILING",
    "Driver",
    "DriverLimits",
    "decide",
    "driver_decider",
    "evolve",
    "labels",
    "snapshot",
]
