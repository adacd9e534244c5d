"""The composition root of the order service."""

import faust

from services.common.codec import ORDER
from services.common.frame import create_worker_app, run_worker
from services.common.worker import ServiceParts
from services.order.api import create_api
from services.order.domain import order_decider
from services.order.effects import OrderOutside
from services.order.process import REACTIONS
from services.order.settings import Settings


def create_app(settings: Settings) -> faust.App:
    """One worker of the order service."""
    return create_worker_app(
        settings,
        ServiceParts(
            language=ORDER,
            decider=order_decider(settings.preparation_seconds),
            create_api=create_api,
            reactions=REACTIONS,
            outside=lambda: OrderOutside(
                settings.payment_url,
                settings.pos_url,
                settings.callback_url,
                settings.effect_timeout_seconds,
            ),
        ),
    )


def main() -> None:
    """The command line of a worker."""
    run_worker("order", Settings.from_env, create_app)
