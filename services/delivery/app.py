"""The composition root of the delivery service."""

import faust

from services.common.codec import DELIVERY
from services.common.frame import create_worker_app, run_worker
from services.common.worker import ServiceParts
from services.delivery.api import create_api
from services.delivery.domain import DeliveryLimits, Travel, delivery_decider
from services.delivery.process import REACTIONS
from services.delivery.settings import Settings


def create_app(settings: Settings) -> faust.App:
    """One worker of the delivery service."""
    travel = Travel(settings.driver_speed_mps, settings.eta_change_seconds_min)
    limits = DeliveryLimits(
        match_minutes_max=settings.match_minutes_max,
        pickup_seconds_max=settings.pickup_seconds_max,
        dropoff_seconds_max=settings.dropoff_seconds_max,
        return_seconds_max=settings.return_seconds_max,
        cancellation_seconds_max=settings.cancellation_seconds_max,
    )
    return create_worker_app(
        settings,
        ServiceParts(
            language=DELIVERY,
            decider=delivery_decider(travel, limits),
            create_api=create_api,
            reactions=REACTIONS,
        ),
    )


def main() -> None:
    """The command line of a worker."""
    run_worker("delivery", Settings.from_env, create_app)
