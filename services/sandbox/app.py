"""The composition root of the three sandbox programs."""

import argparse
import logging
import sqlite3
from random import Random

from fastapi import FastAPI

from services.sandbox.driver_phones import create_phones
from services.sandbox.locations import KafkaLocations
from services.sandbox.payment_provider import create_payment_provider
from services.sandbox.restaurant_pos import create_restaurant_pos
from services.sandbox.server import exit_on_signals, listen, serve
from services.sandbox.settings import PREFIX, Settings

logger = logging.getLogger(__name__)

PROGRAMS = ("payments", "pos", "phones")


def create_app(program: str, settings: Settings) -> FastAPI:
    """One program's app, with the real world behind its ports."""
    random = Random(settings.seed)
    if program == "payments":
        return create_payment_provider(settings, random)
    if program == "pos":
        return create_restaurant_pos(settings, random)
    return create_phones(settings, random, KafkaLocations(settings.kafka_bootstrap_servers))


def main(arguments: list[str] | None = None) -> int:
    """Runs the program that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.sandbox")
    parser.add_argument("program", choices=PROGRAMS)
    program: str = parser.parse_args(arguments).program
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("services.sandbox").setLevel(logging.INFO)
    # aiokafka repeats one error thousands of times; the phones tell once that locations wait.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    exit_on_signals()
    try:
        settings = Settings.from_env()
    except ValueError as error:
        return _fail(program, str(error))
    port: int = getattr(settings, f"{program}_port")
    try:
        bound = listen(settings.host, port)
    except OSError as error:
        address = f"{settings.host}:{port}"
        hint = f"{PREFIX}{program.upper()}_PORT chooses another port"
        return _fail(program, f"cannot listen on {address} ({error.strerror}); {hint}")
    try:
        app = create_app(program, settings)
    except sqlite3.OperationalError as error:
        return _fail(program, f"cannot open its file in {settings.data_directory} ({error})")
    except (OSError, ValueError) as error:
        return _fail(program, str(error))
    logger.info("sandbox %s: listens on http://%s:%d", program, *bound.getsockname()[:2])
    return serve(app, bound)


def _fail(program: str, sentence: str) -> int:
    logger.error("sandbox %s: %s.", program, sentence)
    return 1
