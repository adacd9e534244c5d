"""Instants as they go over the wire: RFC 3339, UTC, ending in Z."""

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """An aware instant as RFC 3339 text in UTC with microseconds."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def rfc3339_now() -> str:
    """The present instant as RFC 3339 text."""
    return rfc3339(datetime.now(UTC))
