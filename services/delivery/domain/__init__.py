"""One delivery from the restaurant to the door: State, decide, evolve; one module per theme."""

from services.delivery.domain.deadlines import DeliveryLimits
from services.delivery.domain.decider import decide, delivery_decider
from services.delivery.domain.delivery import (
    EXCLUDED_MAX,
    FINAL,
    Delivery,
    DeliveryStatus,
    evolve,
    labels,
)
from services.delivery.domain.travel import Travel, expected_at

__all__ = [
    "EXCLUDED_MAX",
    "FINAL",
    "Delivery",
    "DeliveryLimits",
    "DeliveryStatus",
    "Travel",
    "decide",
    "delivery_decider",
    "evolve",
    "expected_at",
    "labels",
]
