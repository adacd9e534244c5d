"""The composition root of the driver service."""

from functools import partial

import faust

from services.common.codec import DRIVER
from services.common.frame import create_worker_app, run_worker
from services.common.worker import ServiceParts
from services.driver.api import create_api
from services.driver.domain import DriverLimits, driver_decider
from services.driver.process import REACTIONS
from services.driver.settings import Settings


def create_app(settings: Settings) -> faust.App:
    """One worker of the driver service."""
    limits = DriverLimits(
        offer_seconds_max=settings.offer_seconds_max,
        silence_seconds_max=settings.silence_minutes_max * 60,
        silence_grace_seconds=settings.silence_grace_seconds,
        wrong_codes_max=settings.wrong_codes_max,
    )
    return create_worker_app(
        settings,
        ServiceParts(
            language=DRIVER,
            decider=driver_decider(
                settings.snapshot_hours, settings.location_interval_seconds_min, limits
            ),
            create_api=partial(create_api, wrong_codes_max=limits.wrong_codes_max),
            inputs=("driver.locations",),
            reactions=REACTIONS,
        ),
    )


def main() -> None:
    """The command line of a worker."""
    run_worker("driver", Settings.from_env, create_app)
