"""The composition root of the order service: orders, and beside them restaurants."""

import faust

from services.common.codec import ORDER, RESTAURANT
from services.common.frame import create_worker_app, run_worker
from services.common.worker import ServiceParts
from services.order import process
from services.order.api import create_api
from services.order.domain import order_decider
from services.order.effects import OrderOutside
from services.order.restaurant import Defaults, restaurant_decider
from services.order.restaurant import process as restaurant_process
from services.order.restaurant.api import add_routes
from services.order.settings import Settings


def create_app(settings: Settings) -> faust.App:
    """One worker of the order service."""
    return create_worker_app(settings, order_parts(settings), restaurant_parts(settings))


def order_parts(settings: Settings) -> ServiceParts:
    """What orders are made of."""
    return ServiceParts(
        language=ORDER,
        decider=order_decider(settings.policy),
        create_api=create_api,
        reactions=process.REACTIONS,
        outside=lambda: OrderOutside(
            settings.payment_url,
            settings.pos_url,
            settings.callback_url,
            settings.effect_timeout_seconds,
        ),
    )


def restaurant_parts(settings: Settings) -> ServiceParts:
    """What restaurants are made of."""
    defaults = Defaults(settings.preparation_seconds, settings.accept_seconds_max)
    return ServiceParts(
        language=RESTAURANT,
        decider=restaurant_decider(defaults, settings.snapshot_hours),
        add_routes=add_routes,
        reactions=restaurant_process.REACTIONS,
    )


def main() -> None:
    """The command line of a worker."""
    run_worker("order", Settings.from_env, create_app)
