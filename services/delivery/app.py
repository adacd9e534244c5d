"""The composition root of the delivery service."""

import faust

from services.common.codec import DELIVERY
from services.common.frame import create_worker_app, run_worker
from services.common.worker import ServiceParts
from services.delivery.api import create_api
from services.delivery.domain import Travel, delivery_decider
from services.delivery.process import REACTIONS
from services.delivery.settings import Settings


def create_app(settings: Settings) -> faust.App:
    """One worker of the delivery service."""
    travel = Travel(settings.driver_speed_mps, settings.eta_change_seconds_min)
    return create_worker_app(
        settings,
        ServiceParts(
            language=DELIVERY,
            decider=delivery_decider(travel),
            create_api=create_api,
            reactions=REACTIONS,
        ),
    )


def main() -> None:
    """The command line of a worker."""
    run_worker("delivery", Settings.from_env, create_app)
