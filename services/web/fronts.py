"""Calls to the fronts of the services, and what their health and metrics say."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from fastapi import Response
from prometheus_client.parser import text_string_to_metric_families

from services.common.codec import encode_plain
from services.common.problem import ProblemError
from services.common.telemetry import log

PASSED_ON = ("content-type", "location", "retry-after")
ROWS_MAX = 500


def json_response(content: Any, status: int = 200) -> Response:
    """An answer in JSON, which no cache keeps."""
    headers = {"Cache-Control": "no-store"}
    return Response(encode_plain(content), status, headers, "application/json")


def passed_on(answer: httpx.Response) -> Response:
    """A front's answer, as it came."""
    headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    return Response(answer.content, answer.status_code, headers)


class Fronts:
    """The services' fronts.

    Args:
        urls: the base URL of each by name.
        transport: carries the calls; the network when None.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        seconds_max: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.urls = dict(urls)
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(timeout=seconds_max, transport=transport, limits=limits)

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.aclose()

    async def call(
        self,
        name: str,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A front's answer, whatever it is; the path may end in a query.

        Raises:
            ProblemError: 502, the front does not answer.
        """
        url = self.urls[name] + path
        try:
            return await self._client.request(method, url, content=content, headers=headers)
        except httpx.HTTPError as error:
            log.info("%s does not answer: %r", url, error)
            raise ProblemError(502, f"the {name} service does not answer") from error

    async def post(self, name: str, path: str, content: Any) -> Response:
        """Passes on the answer to a command."""
        headers = {"content-type": "application/json"}
        answer = await self.call(name, "POST", path, encode_plain(content), headers)
        return passed_on(answer)

    async def order(self, order_id: str) -> dict[str, Any]:
        """An order from its front.

        Raises:
            ProblemError: 404, there is none; 502, the front can't say.
        """
        answer = await self.call("order", "GET", f"/orders/{order_id}")
        if answer.status_code == 404:
            raise ProblemError(404, "there is no such order")
        if answer.status_code != 200:
            raise ProblemError(502, f"the order service answers {answer.status_code}")
        return msgspec.json.decode(answer.content, type=dict[str, Any])

    async def rows(self, name: str, path: str) -> list[dict[str, Any]] | None:
        """The first page of a list; None where the front can't give it."""
        separator = "&" if "?" in path else "?"
        try:
            answer = await self.call(name, "GET", f"{path}{separator}limit={ROWS_MAX}")
            if answer.status_code != 200:
                return None
            rows: list[dict[str, Any]] = msgspec.json.decode(answer.content)["items"]
        except (ProblemError, msgspec.DecodeError, KeyError):
            return None
        return rows

    async def machinery(self) -> dict[str, Any]:
        """How far each service is behind, what is flagged, and whether it is ready.

        What a service that does not answer would say is None, not 0.
        """
        told = await asyncio.gather(*(self._state(name) for name in self.urls))
        lag = [row for rows, _, _ in told for row in rows]
        flagged: dict[str, int] = defaultdict(int)
        for _, counts, _ in told:
            for aggregate, count in counts.items():
                flagged[aggregate] += count
        return {
            "flagged": {"orders": flagged.get("order"), "deliveries": flagged.get("delivery")},
            "lag": sorted(lag, key=lambda row: (row["service"], row["topic"], row["partition"])),
            "workers": [state for _, _, state in told],
        }

    async def _state(
        self, name: str
    ) -> tuple[list[dict[str, Any]], dict[str, int], dict[str, Any]]:
        try:
            ready, metrics = await asyncio.gather(
                self.call(name, "GET", "/health/ready"), self.call(name, "GET", "/metrics")
            )
        except ProblemError as error:
            return [], {}, {"service": name, "ready": False, "detail": error.detail}
        is_ready = ready.status_code == 200
        state = {"service": name, "ready": is_ready, "detail": None if is_ready else ready.text}
        if metrics.status_code != 200:
            return [], {}, state
        rows, flagged = read_metrics(name, metrics.text)
        return rows, {name: 0, **flagged}, state


def read_metrics(service: str, text: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The lag of each input, and how many of each aggregate are flagged."""
    lag: list[dict[str, Any]] = []
    flagged: dict[str, int] = defaultdict(int)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "tiffin_input_lag_records":
                lag.append(
                    {
                        "service": service,
                        "aggregate": sample.labels.get("aggregate", service),
                        "topic": sample.labels["topic"],
                        "partition": int(sample.labels["partition"]),
                        "records": int(sample.value),
                    }
                )
            elif sample.name == "tiffin_flagged":
                flagged[sample.labels.get("aggregate", service)] += int(sample.value)
    return lag, flagged
