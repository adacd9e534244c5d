"""Forms: parts of a state that memory holds in another form than the store and answers.

Such a part is made from what it is stored as, and gives that again when it is iterated over.
"""

from typing import Any

import msgspec


def stored(part: Any) -> Any:
    """What a part is stored as, to be encoded in its place.

    Raises:
        NotImplementedError: it has no such form.
    """
    if not hasattr(type(part), "stored_as"):
        raise NotImplementedError(f"{type(part).__name__} has no stored form")
    return tuple(part)


def held(kind: type[Any], content: Any) -> Any:
    """The part of a kind that was stored as this content.

    Raises:
        msgspec.ValidationError: the content is no such part's.
    """
    return kind(msgspec.convert(content, kind.stored_as))


def schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of what a kind of part is stored as.

    Raises:
        NotImplementedError: the kind has no stored form.
    """
    if not hasattr(kind, "stored_as"):
        raise NotImplementedError(f"{kind.__name__} has no stored form")
    return msgspec.json.schema(kind.stored_as)
