"""The glossary of the README: every message, status and topic, from where each is defined.

As a program: python -m infra.glossary --check README.md says whether the text between the marks is
that of the definitions; --write puts it there.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from infra.schema_release import Schema, schema_files
from services.common.catalogue import catalogue
from services.common.codec import LANGUAGES
from services.common.messages.driver import DriverStatus
from services.common.messages.restaurant import RestaurantStatus
from services.delivery.domain import DeliveryStatus
from services.order.domain import OrderStatus, PaymentStatus

BEGIN = "<!-- glossary:begin -->"
END = "<!-- glossary:end -->"

# The names of the statuses are defined by the enums; what they mean to a reader is said here.
STATUS_MEANINGS: dict[type[StrEnum], dict[str, str]] = {
    OrderStatus: {
        "NEW": "It is acknowledged and not yet decided.",
        "CREATED": "It was taken in; its restaurant is asked, then it is charged.",
        "SCHEDULED": "It is paid and waits for its time, then for the restaurant to take it.",
        "IN_PREPARATION": "The restaurant cooks.",
        "SCHEDULING_DELIVERY": "It is ready and a driver is sought.",
        "WAITING_FOR_DRIVER": "A driver is on the way to the restaurant, or another one is sought.",
        "IN_DELIVERY": "It is on the road.",
        "DELIVERED": "The customer has it; final.",
        "REJECTED": "It ended before it was paid; final.",
        "CANCELLED": "It was ended, and what was paid is given back; final.",
    },
    PaymentStatus: {
        "PENDING": "The charge was not answered yet.",
        "DELAYED": "Nobody knows yet whether it is charged; Tiffin keeps asking.",
        "CHARGED": "The customer has paid.",
        "DECLINED": "The payment provider refused for good.",
        "VOIDING": "The order was cancelled; the charge is prevented, or taken back.",
        "VOIDED": "The customer will not be charged, or has the whole charge back.",
        "REFUNDING": "Some or all of the charge is being given back.",
        "REFUNDED": "The customer has the whole charge back.",
        "PARTLY_REFUNDED": "The customer has some of the charge back.",
    },
    RestaurantStatus: {
        "OPEN": "Takes orders.",
        "BUSY": "Takes orders, and cooks longer.",
        "PAUSED": "Takes no orders for now.",
        "OFFLINE": "Takes no orders.",
    },
    DeliveryStatus: {
        "WAITING_FOR_DRIVER": "No driver has taken it.",
        "DRIVER_ASSIGNED": "A driver is on the way to the restaurant.",
        "PICKED_UP": "The driver has the goods.",
        "RETURNING": "The driver takes the goods back to the restaurant.",
        "CANCELLING": "It was cancelled, and its driver is told.",
        "DELIVERED": "The goods were handed over; final.",
        "RETURNED": "The restaurant has the goods back; final.",
        "CANCELLED": "It has ended before the goods were picked up; final.",
        "WRITTEN_OFF": "Nobody waits for the goods any more; final.",
    },
    DriverStatus: {
        "AVAILABLE": "Waits for work in a region.",
        "OFFERED": "Is asked to take a delivery.",
        "ON_DELIVERY": "Has a delivery to finish.",
        "UNAVAILABLE": "Takes no work.",
    },
}
# Of the records besides commands and events: those that not every service writes.
RECORD_OWNERS = {"CallMade": "order"}
_STATUS_OWNERS = {
    OrderStatus: "order",
    PaymentStatus: "payment of an order",
    RestaurantStatus: "restaurant",
    DeliveryStatus: "delivery",
    DriverStatus: "driver",
}


class GlossaryError(Exception):
    """The document cannot hold the glossary; the text says why."""


def glossary() -> str:
    """The tables in Markdown, without the marks."""
    schemas = {path.stem: schema for path, schema in schema_files().items()}
    commands = [
        _message_row(schemas[message.__name__], language.owner)
        for language in LANGUAGES.values()
        for message in language.commands
    ]
    events = [
        _message_row(schemas[message.__name__], language.owner)
        for language in LANGUAGES.values()
        for message in language.events
    ]
    every_owner = [
        _message_row(schema, RECORD_OWNERS.get(schema["name"], "every service"))
        for path, schema in schema_files().items()
        if path.parent.name == "common"
    ]
    statuses = [
        (_STATUS_OWNERS[kind], f"`{status.value}`", meanings[status.value])
        for kind, meanings in STATUS_MEANINGS.items()
        for status in kind
    ]
    topics = [
        (f"`{topic.name}`", topic.owner, topic.key, _duration(topic.retention_hours))
        for topic in catalogue().values()
    ]
    return "\n\n".join(
        (
            _table("Commands", ("Command", "Owner", "Meaning"), commands),
            _table("Events", ("Event", "Owner", "Meaning"), events),
            _table("Other records", ("Record", "Owner", "Meaning"), every_owner),
            _table("Statuses", ("Of", "Status", "Meaning"), statuses),
            _table("Topics", ("Topic", "Owner", "Key", "Kept for"), topics),
        )
    )


def is_current(document: str) -> bool:
    """True when the document holds the glossary of the definitions.

    Raises:
        GlossaryError: the document lacks a mark.
    """
    return document == with_glossary(document)


def with_glossary(document: str) -> str:
    """The document with the glossary between its marks; all else stays.

    Raises:
        GlossaryError: the document lacks a mark.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise GlossaryError(f"the document needs the marks {BEGIN} and, after it, {END}")
    return f"{before}{BEGIN}\n{glossary()}\n{END}{after}"


def _message_row(schema: Schema, owner: str) -> tuple[str, str, str]:
    return f"`{schema['name']}`", owner, _first_sentence(schema["doc"])


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def _duration(hours: int) -> str:
    return f"{hours // 24} days" if hours >= 48 and hours % 24 == 0 else f"{hours} hours"


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    # Markdown would take a "|" as the end of a cell, and "<owner>" as HTML.
    lines = (" | ".join(row).replace("<", "&lt;") for row in rows)
    return "\n".join(
        (
            f"### {title}",
            "",
            f"| {' | '.join(header)} |",
            f"|{'---|' * len(header)}",
            *(f"| {line} |" for line in lines),
        )
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.glossary",
        description="Checks or writes the glossary between the marks of a Markdown document.",
    )
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--check", type=Path, metavar="FILE", help="exit 1 unless it is current")
    task.add_argument("--write", type=Path, metavar="FILE", help="put the glossary there")
    arguments = parser.parse_args(words)
    path: Path = arguments.check or arguments.write
    try:
        document = path.read_text()
        if arguments.write is not None:
            path.write_text(with_glossary(document))
        elif not is_current(document):
            print(
                f"error: the glossary of {path} is not that of the definitions: "
                f"run python -m infra.glossary --write {path}",
                file=sys.stderr,
            )
            return 1
    except (OSError, GlossaryError) as error:
        print(f"error: {path}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
