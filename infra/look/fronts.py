"""The fronts of the services over HTTP: lists page by page, and single rows."""

import heapq
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from infra.look.errors import LookError, UnansweredError, UnknownKeyError
from infra.look.kinds import KINDS, Kind, Row
from services.common import ids

PAGE_ROWS_MAX = 500
CALL_SECONDS_MAX = 15.0
# A 503 says that a partition is on its way to another worker.
ATTEMPTS_MAX = 20
AGAIN_SECONDS = 0.5
NAMED_MAX = 3


class Fronts(AbstractContextManager["Fronts"]):
    """Asks the services.

    Args:
        urls: the base URL of any worker of each service.
        transport: what carries the requests, where it is not the network.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        transport: httpx.BaseTransport | None = None,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        self._urls = urls
        self._again_seconds = again_seconds
        self._client = httpx.Client(timeout=CALL_SECONDS_MAX, trust_env=False, transport=transport)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the connections."""
        self._client.close()

    def listed(
        self,
        kind: Kind,
        labels: Mapping[str, str] | None = None,
        statuses: Sequence[str] = (),
        limit: int | None = None,
    ) -> Iterator[Row]:
        """Rows that have all the labels, and one of the statuses where any are named.

        In the order of the front; each row once, though it may change its status meanwhile.

        Raises:
            LookError: the front does not answer, or not as wanted.
        """
        page_rows = PAGE_ROWS_MAX if limit is None else min(limit, PAGE_ROWS_MAX)
        wanted = dict(labels or {})
        asked = [{**wanted, "status": status} for status in statuses] or [wanted]
        parts = [self._pages(kind, each, page_rows) for each in asked]
        merged = heapq.merge(*parts, key=lambda row: _rank(kind, row)) if parts[1:] else parts[0]
        return islice(_each_once(kind, merged), limit)

    def one(self, kind: Kind, key: str) -> Row | None:
        """A row by its key; None where there is none.

        Raises:
            LookError: the front does not answer, or not as wanted.
        """
        row: Row | None = self._get(kind.service, f"{kind.path}/{quote(key, safe='')}")
        return row

    def the_one(self, kind: Kind, name: str) -> Row:
        """A row by its key, or by how that begins; an order also by partner/reference.

        Raises:
            UnknownKeyError: no row has the name, or several have.
            LookError: the front does not answer, or not as wanted.
        """
        if kind is KINDS["orders"] and "/" in name:
            name = ids.order_id(*name.split("/", 1))
        row = self.one(kind, name) if name else None
        if row is not None:
            return row
        keys = (str(each[kind.key]) for each in self.listed(kind))
        found = list(islice((key for key in keys if name and key.startswith(name)), NAMED_MAX))
        if len(found) > 1:
            raise UnknownKeyError(
                f"{name} may be {' or '.join(found)}; write more of the {kind.one}'s id"
            )
        row = self.one(kind, found[0]) if found else None
        if row is None:
            raise UnknownKeyError(f"there is no {kind.one} {name!r}")
        return row

    def history(self, order_id: str) -> list[Row]:
        """The events of an order, first to last; none of one that is not decided yet.

        Raises:
            LookError: the front does not answer, or not as wanted.
        """
        answer = self._get("order", f"/orders/{quote(order_id, safe='')}/events")
        return list(answer["items"]) if answer else []

    def ongoing(self, asked: Mapping[str, str]) -> tuple[list[Row], int, bool]:
        """What is going on at all services, the soonest first; how much it is; if that is all.

        Args:
            asked: of each service: limit, key, kind.

        Raises:
            LookError: a front does not answer, or not as wanted.
        """
        answers = [(name, self._get(name, "/ongoing", asked)) for name in self._urls]
        for name, answer in answers:
            if answer is None:
                raise LookError(f"there is no /ongoing at {self._urls[name]}")
        rows: list[Row] = [
            {"service": name, **row} for name, answer in answers for row in answer["items"]
        ]
        rows.sort(key=lambda row: _at(row["at"]))
        total = sum(answer["total"] for _, answer in answers)
        return rows, total, all(answer["is_whole"] for _, answer in answers)

    def _pages(self, kind: Kind, labels: Mapping[str, str], page_rows: int) -> Iterator[Row]:
        asked = {**labels, "limit": str(page_rows)}
        while True:
            page = self._get(kind.service, kind.path, asked)
            if page is None or "items" not in page:
                raise LookError(
                    f"there is no list of {kind.name} at {self._urls[kind.service]}{kind.path}"
                )
            yield from page["items"]
            if page["cursor"] is None:
                return
            asked["cursor"] = page["cursor"]

    def _get(self, service: str, path: str, asked: Mapping[str, str] | None = None) -> Any:
        """The JSON of a GET; None where the answer is 404."""
        base = self._urls[service]
        who = f"the {service} service at {base}"
        try:
            for attempt in range(ATTEMPTS_MAX):
                answer = self._client.get(f"{base}{path}", params=asked)
                if answer.status_code != 503:
                    break
                if attempt < ATTEMPTS_MAX - 1:
                    time.sleep(self._again_seconds)
            if answer.status_code == 404:
                return None
            content = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise UnansweredError(f"{who} does not answer: {reason}") from error
        except ValueError as error:
            raise LookError(f"{who} does not answer in JSON, so it is another program") from error
        if answer.status_code == 503:
            raise UnansweredError(f"{who} can't answer now: {_detail(content)}")
        if answer.status_code != 200 or not isinstance(content, dict):
            raise LookError(f"{who} answers {answer.status_code}: {_detail(content)}")
        return content


def _at(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


def _detail(content: Any) -> str:
    """What problem details say."""
    detail = content.get("detail") if isinstance(content, dict) else None
    return str(detail or "no reason is given")


def _rank(kind: Kind, row: Row) -> tuple[float, str]:
    """The place of a row in its front's list."""
    at = 0.0
    if kind.newest_by is not None:
        at = -datetime.fromisoformat(row[kind.newest_by]).timestamp()
    return at, row[kind.key]


def _each_once(kind: Kind, rows: Iterator[Row]) -> Iterator[Row]:
    seen: set[str] = set()
    for row in rows:
        if row[kind.key] not in seen:
            seen.add(row[kind.key])
            yield row
