"""The deciders and reactions of all services, with limits as short as in a hurry."""

from collections.abc import Mapping
from typing import Any

from services.common.decider import Decider, React
from services.delivery.domain import Travel, delivery_decider
from services.delivery.process import REACTIONS as DELIVERY_REACTIONS
from services.driver.domain import driver_decider
from services.driver.process import REACTIONS as DRIVER_REACTIONS
from services.matcher.domain import region_decider
from services.matcher.process import REACTIONS as MATCHER_REACTIONS
from services.order.domain import Policy, order_decider
from services.order.process import REACTIONS as ORDER_REACTIONS
from services.order.restaurant import Defaults, restaurant_decider
from services.order.restaurant.process import REACTIONS as RESTAURANT_REACTIONS

PREPARATION_SECONDS = 60
ACCEPT_SECONDS_MAX = 690
REFUSAL_GRACE_SECONDS = 60.0
SNAPSHOT_HOURS = 24.0

Parts = tuple[Decider[Any, Any, Any], Mapping[str, React]]


def parts() -> dict[str, Parts]:
    """The parts of each aggregate, by its name."""
    travel = Travel(speed_mps=10.0, eta_change_seconds_min=1.0)
    policy = Policy(
        preparation_seconds=PREPARATION_SECONDS, refusal_grace_seconds=REFUSAL_GRACE_SECONDS
    )
    defaults = Defaults(PREPARATION_SECONDS, ACCEPT_SECONDS_MAX)
    return {
        "restaurant": (restaurant_decider(defaults, SNAPSHOT_HOURS), RESTAURANT_REACTIONS),
        "order": (order_decider(policy), ORDER_REACTIONS),
        "delivery": (delivery_decider(travel), DELIVERY_REACTIONS),
        "matcher": (region_decider(SNAPSHOT_HOURS), MATCHER_REACTIONS),
        "driver": (driver_decider(SNAPSHOT_HOURS), DRIVER_REACTIONS),
    }
