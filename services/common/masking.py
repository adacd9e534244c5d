"""What nobody is shown: names of fields whose values could charge a customer or open a door."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

SECRET_FIELDS = frozenset({"payment_token", "idempotency_key", "code"})
MASK = "hidden"
# A shorter value is no secret, and its letters stand in many words.
SECRET_CHARS_MIN = 3

# A secret field in a text that is no JSON as a whole, up to where its value ends or the text does.
_FIELD = re.compile(
    r'("(?:' + "|".join(sorted(SECRET_FIELDS)) + r')"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)'
)


def masked_text(text: str, values: Collection[str] = ()) -> str:
    """The text of a document, JSON or not, without the values of secret fields and without these.

    JSON without secrets stays as it was written.
    """
    try:
        document = msgspec.json.decode(text)
        masked = _masked(document)
        if masked != document:
            text = msgspec.json.encode(masked).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError):
        text = _FIELD.sub(rf'\1"{MASK}"', text)
    for value in values:
        text = text.replace(value, MASK)
    return text


def secrets_in(text: str) -> list[str]:
    """The values of secret fields that a JSON document has, where they are texts."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
    found: list[str] = []
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            waiting += part.values()
            found += [
                value
                for name, value in part.items()
                if name in SECRET_FIELDS and isinstance(value, str)
            ]
        elif isinstance(part, list):
            waiting += part
    return [value for value in found if len(value) >= SECRET_CHARS_MIN]


def _masked(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {
            name: MASK if name in SECRET_FIELDS and value is not None else _masked(value)
            for name, value in part.items()
        }
    return [_masked(each) for each in part] if isinstance(part, list) else part
