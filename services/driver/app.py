"""The composition root of the driver service."""

import faust

from services.common.codec import DRIVER
from services.common.frame import create_worker_app, run_worker
from services.common.worker import ServiceParts
from services.driver.api import create_api
from services.driver.domain import driver_decider
from services.driver.process import REACTIONS
from services.driver.settings import Settings


def create_app(settings: Settings) -> faust.App:
    """One worker of the driver service."""
    return create_worker_app(
        settings,
        ServiceParts(
            language=DRIVER,
            decider=driver_decider(settings.snapshot_hours, settings.location_interval_seconds_min),
            create_api=create_api,
            inputs=("driver.locations",),
            reactions=REACTIONS,
        ),
    )


def main() -> None:
    """The command line of a worker."""
    run_worker("driver", Settings.from_env, create_app)
