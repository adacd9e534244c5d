"""What a replay of a dead letter appends: pure, from the letter and the value to replay.

A command goes back to its topic. An event can't: its log belongs to another service. Its reaction
is run again here, and the commands that it leads to are appended as the reaction loop would have.

`source` and `source_version` are left out of what is replayed. A later event of the same source may
have been applied meanwhile, and the memory of versions would call the replay a repeat (decision
001); it is known by its id instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import structs

from infra.dead_letters.letters import Case, DeadLetterError
from services.common.catalogue import catalogue
from services.common.codec import LANGUAGES, BadRecordError, encode_command
from services.common.decider import ID_CHARS_MAX, Envelope, React
from services.common.reactions import command_envelope
from services.common.telemetry import trace_headers
from services.delivery.process import REACTIONS as DELIVERY_REACTIONS
from services.driver.process import REACTIONS as DRIVER_REACTIONS
from services.matcher.process import REACTIONS as MATCHER_REACTIONS
from services.order.process import REACTIONS as ORDER_REACTIONS
from services.order.restaurant.process import REACTIONS as RESTAURANT_REACTIONS

# By owner of the commands, then by the owner of the event.
REACTIONS: Mapping[str, Mapping[str, React]] = {
    "order": ORDER_REACTIONS,
    "restaurant": RESTAURANT_REACTIONS,
    "delivery": DELIVERY_REACTIONS,
    "matcher": MATCHER_REACTIONS,
    "driver": DRIVER_REACTIONS,
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to append; the partition is that of the key, as Kafka's clients place keys."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def replay(
    case: Case, value: bytes | None, key: str | None = None, is_forced: bool = False
) -> tuple[Outgoing, ...]:
    """What to append so that the letter's record has its effect; the same whenever it is made.

    Args:
        value: the letter's own, or an edited one.
        key: in place of the aggregate's own, which is taken from the content.
        is_forced: append a value that the service would put aside again, as it is.

    Raises:
        DeadLetterError: the service would put the record aside again, or its reaction still fails.
    """
    topic = case.letter.source_topic
    owner, _, kind = topic.partition(".")
    spec = catalogue().get(topic)
    if kind == "events" and owner in REACTIONS[case.service]:
        if key is not None:
            raise DeadLetterError(
                "the commands of a reaction have the keys of their aggregates; leave out --key"
            )
        return _reaction(case, owner, value)
    # The broker stamps what the command loops read, and nothing else.
    if owner == case.service and spec is not None and spec.append_time:
        return (_command(case, value, key, is_forced),)
    raise DeadLetterError(f"{case.service} takes nothing from {topic}, so nothing can be replayed")


def _command(case: Case, value: bytes | None, key: str | None, is_forced: bool) -> Outgoing:
    letter, language = case.letter, LANGUAGES[case.service]
    # The place is the original's, so that a command without an id gets the one that it had there.
    at = letter.occurred_at
    try:
        envelope, command = language.decode_command(value, case.source, at)
        own_key = language.key(command)
        if key not in (None, own_key):
            raise BadRecordError(
                f"the record's key is {key!r}, but {language.key_field} is {own_key!r}"
            )
        content = encode_command(_known_by_id(envelope, case.original_value), command)
        language.decode_command(content, case.source, at)
    except BadRecordError as error:
        if not is_forced:
            raise DeadLetterError(
                f"{case.service} would put it aside again: {error}",
                "--edit or --value FILE corrects it, --force replays it as it is",
            ) from error
        forced_key = case.original_key if key is None else key.encode()
        return Outgoing(letter.source_topic, forced_key, value, case.original_headers)
    return Outgoing(letter.source_topic, own_key.encode(), content, case.original_headers)


def _reaction(case: Case, owner: str, value: bytes | None) -> tuple[Outgoing, ...]:
    language, own = LANGUAGES[owner], LANGUAGES[case.service]
    try:
        event, message = language.decode_event(value)
    except BadRecordError as error:
        raise DeadLetterError(
            f"{case.service} can't read the event: {error}",
            "--edit or --value FILE corrects it",
        ) from error
    try:
        commands = list(REACTIONS[case.service][owner](message))
    except Exception as error:
        raise DeadLetterError(
            f"the reaction of {case.service} to {type(message).__name__} still fails: {error!r}"
        ) from error
    event = structs.replace(event, id=_id_in(case.original_value) or event.id)
    records = []
    for command in commands:
        made = command_envelope(event, f"{owner}/{language.key(message)}", command)
        envelope = structs.replace(made, source=None, source_version=None)
        trace = trace_headers(envelope.correlation_id, envelope.id, case.original_headers)
        records.append(
            Outgoing(
                f"{case.service}.commands",
                own.key(command).encode(),
                encode_command(envelope, command),
                tuple(trace),
            )
        )
    return tuple(records)


def _known_by_id(envelope: Envelope, original: bytes | None) -> Envelope:
    """The envelope without source, and with the original's id, so that an edit is no new command.

    A command without an id causes itself, as the codec says.
    """
    command_id = _id_in(original) or envelope.id
    is_own_cause = envelope.causation_id == envelope.id
    return structs.replace(
        envelope,
        id=command_id,
        causation_id=command_id if is_own_cause else envelope.causation_id,
        source=None,
        source_version=None,
    )


class _Identified(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"null")


def _id_in(value: bytes | None) -> str | None:
    """The id that a record names, where the codec would take it."""
    try:
        named = msgspec.json.decode(value or b"{}", type=_Identified).id
        found = msgspec.json.decode(named, type=str | None)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if found and len(found) <= ID_CHARS_MAX else None
