"""The composition root of the matcher."""

import faust

from services.common.codec import MATCHER
from services.common.frame import create_worker_app, run_worker
from services.common.worker import ServiceParts
from services.matcher.api import create_api
from services.matcher.domain import region_decider
from services.matcher.process import REACTIONS
from services.matcher.settings import Settings


def create_app(settings: Settings) -> faust.App:
    """One worker of the matcher."""
    return create_worker_app(
        settings,
        ServiceParts(
            language=MATCHER,
            decider=region_decider(settings.snapshot_hours),
            create_api=create_api,
            reactions=REACTIONS,
        ),
    )


def main() -> None:
    """The command line of a worker."""
    run_worker("matcher", Settings.from_env, create_app)
