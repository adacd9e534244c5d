"""What is going on: the timers that are pending and the calls that have not ended, of all workers.

The soonest comes first: calls that run, wakeups that are late, then what is next.
"""

import heapq
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from inspect import getdoc
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urlencode

from fastapi import FastAPI, Query, Request, Response

from services.common import clock
from services.common.agenda import Agenda
from services.common.api import FORWARDED, Peers, json_response
from services.common.front import Front, UnavailableError
from services.common.problem import ProblemError

ONGOING_MAX = 1_000
ERROR_CHARS_MAX = 300

Item = dict[str, Any]


class Ongoing(Protocol):
    """A worker of one kind of aggregates."""

    @property
    def agenda(self) -> Agenda: ...
    @property
    def front(self) -> Front[Any]: ...
    @property
    def peers(self) -> Peers: ...


def add_ongoing(api: FastAPI, workers: Mapping[str, Ongoing]) -> None:
    """Adds the list to a front.

    Args:
        workers: by the name of what they keep, those of this process.
    """

    @api.get("/ongoing", tags=["operators"])
    async def list_ongoing(
        request: Request,
        key: Annotated[str | None, Query(description="of one aggregate only")] = None,
        kind: Literal["call", "timer"] | None = None,
        aggregate: str | None = None,
        limit: Annotated[int, Query(description=f"1 to {ONGOING_MAX}")] = 50,
    ) -> Response:
        """Timers that are pending and calls that have not ended, the soonest first.

        `total` is how many there are; `is_whole` is false while memory holds only the soonest.
        """
        if not 1 <= limit <= ONGOING_MAX:
            raise ProblemError(422, f"query/limit: from 1 to {ONGOING_MAX}, not {limit}")
        if aggregate is not None and aggregate not in workers:
            raise ProblemError(422, f"query/aggregate: one of {', '.join(workers)}")
        chosen = [aggregate] if aggregate is not None else list(workers)
        parts: list[list[Item]] = []
        for name in chosen:
            parts.append(_own(name, workers[name], key, kind, limit))
            asked = {"aggregate": name, "limit": str(limit), "key": key, "kind": kind}
            query = urlencode({name: value for name, value in asked.items() if value is not None})
            parts += await workers[name].peers.gather(request, f"/ongoing?{query}")
        if FORWARDED in request.headers:
            return json_response({"rows": parts[0]})
        summaries = [part[0] for part in parts]
        items = heapq.merge(*(part[1:] for part in parts), key=lambda item: _instant(item["at"]))
        return json_response(
            {
                "items": [item for _, item in zip(range(limit), items, strict=False)],
                "total": sum(each["total"] for each in summaries),
                "is_whole": all(each["is_whole"] for each in summaries),
            }
        )


def _own(
    aggregate: str, worker: Ongoing, key: str | None, kind: str | None, limit: int
) -> list[Item]:
    """What this worker has: how much it is, and then the soonest of it."""
    if not worker.front.is_ready:
        raise UnavailableError("the table is not folded yet")
    agenda, now = worker.agenda, clock.now()
    found = [
        item
        for item in _items(agenda, now)
        if (key is None or item["key"] == key) and (kind is None or item["kind"] == kind)
    ]
    soonest = heapq.nsmallest(limit, found, key=lambda item: item["at"])
    summary = {"total": len(found), "is_whole": not agenda.is_short}
    return [summary, *({"aggregate": aggregate, **_of(agenda, item)} for item in soonest)]


def _items(agenda: Agenda, now: datetime) -> Iterator[Item]:
    for key, wakeup in agenda.timers.views():
        yield {
            "key": key,
            "kind": "timer",
            "asked": wakeup.command,
            "state": "late" if wakeup.at < now else "pending",
            "at": wakeup.at.astimezone(UTC),
        }
    for view in () if agenda.effects is None else agenda.effects.views():
        passed = timedelta(seconds=-view.seconds if view.state == "running" else view.seconds)
        yield {
            "key": view.key,
            "kind": "call",
            "asked": view.call,
            "state": view.state,
            "at": now + passed,
            "target": view.target,
            "attempt": view.attempt,
            "error": view.error and view.error[:ERROR_CHARS_MAX],
        }


def _of(agenda: Agenda, item: Item) -> Item:
    """What people are told of an item: what it is and why, and of which order in which status."""
    asked = item.pop("asked")
    row = agenda.row(item["key"])
    state = None if row is None else row.state
    return {
        "order_id": getattr(state, "order_id", None),
        "status": getattr(state, "status", None),
        "what": type(asked).__name__,
        "why": (getdoc(type(asked)) or "").partition("\n")[0],
        "flag": getattr(asked, "flag", None),
        **item,
    }


def _instant(at: datetime | str) -> datetime:
    return at if isinstance(at, datetime) else datetime.fromisoformat(at)
