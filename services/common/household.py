"""The workers of one process: each has an aggregate, and they share a front, health and an end."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from services.common.api import Peers
from services.common.front import Front
from services.common.metrics import JointMetrics, duration_families
from services.common.ongoing import add_ongoing
from services.common.open_requests import RequestLimits
from services.common.settings import CommonSettings
from services.common.traced_requests import TracedRequests
from services.common.tracing import Tracer
from services.common.worker import ServiceParts, Worker


class Household:
    """Workers whose front is one. The first is the service's own; its ports are the front's.

    Args:
        tracer: is told of what they do and of the front's requests.

    Raises:
        ValueError: the first makes no front, or another adds nothing to it.
    """

    def __init__(
        self,
        settings: CommonSettings,
        parts: Sequence[ServiceParts],
        tracer: Tracer | None = None,
    ) -> None:
        self.workers = [Worker(settings, each, tracer) for each in parts]
        self._metrics = JointMetrics({each.parts.name: each.told for each in self.workers})
        first, *others = parts
        if first.create_api is None:
            raise ValueError(f"{first.name} has no front")
        self.api: FastAPI = first.create_api(self)
        self.workers[0].told.add(lambda: duration_families(self.api.state.http_seconds))
        for other, worker in zip(others, self.workers[1:], strict=True):
            if other.add_routes is None:
                raise ValueError(f"{other.name} adds nothing to the front of {first.name}")
            other.add_routes(self.api, worker)
        add_ongoing(self.api, {each.parts.name: each for each in self.workers})
        if tracer is not None:
            self.api.add_middleware(TracedRequests, tracer=tracer)

    @property
    def front(self) -> Front[Any]:
        """The service's own; UnavailableError until it is connected."""
        return self.workers[0].front

    @property
    def peers(self) -> Peers:
        """The other workers of the service."""
        return self.workers[0].peers

    @property
    def request_limits(self) -> RequestLimits:
        """The bounds of what the front has open at a time."""
        return self.workers[0].request_limits

    def live(self) -> Mapping[str, Any]:
        """Whether the loops of all turn; what the others say stands under `beside`."""
        return self._joint("live", [each.live() for each in self.workers])

    def ready(self) -> Mapping[str, Any]:
        """Whether all have their partitions; what the others say stands under `beside`."""
        return self._joint("ready", [each.ready() for each in self.workers])

    def metrics(self) -> bytes:
        """All that they tell, in Prometheus' text format."""
        return self._metrics.text()

    def _joint(self, name: str, facts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        first, *others = facts
        if not others:
            return first
        return {**first, name: all(each[name] for each in facts), "beside": others}
