"""How long things took: histograms that cost what they time well under a microsecond."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

SERIES_MAX = 500
OTHER = "other"

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
COMMAND_BOUNDS = (*_QUICK, 60.0, 300.0)
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
STATUS_BOUNDS = (
    *(0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(_MINUTE * count for count in (1, 2, 5, 10, 15, 20, 30, 45)),
    *(_HOUR * count for count in (1, 1.5, 2, 4, 12)),
    *(_DAY * count for count in (1, 7, 30)),
)


class Series:
    """The durations of one set of labels; `counts` has one more than there are bounds."""

    __slots__ = ("counts", "seconds")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.counts = [0] * (len(bounds) + 1)
        self.seconds = 0.0


class Durations:
    """The histograms of one family, by labels.

    Args:
        bounds: upper bounds in seconds, ascending; each belongs to its bucket.
    """

    def __init__(
        self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self.bounds = tuple(bounds)
        self._series: dict[tuple[str, ...], Series] = {}

    def add(self, labels: tuple[str, ...], seconds: float) -> None:
        """Takes one duration; a clock that was set back makes none less than nothing."""
        series = self._series.get(labels) or self._begin(labels)
        seconds = seconds if seconds > 0.0 else 0.0
        series.counts[bisect_left(self.bounds, seconds)] += 1
        series.seconds += seconds

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], Series]]:
        return iter(list(self._series.items()))

    def _begin(self, labels: tuple[str, ...]) -> Series:
        """Series of so many labels that memory would not do are one."""
        if len(self._series) >= SERIES_MAX:
            labels = (OTHER,) * len(self.labels)
        return self._series.setdefault(labels, Series(self.bounds))


def command_seconds() -> Durations:
    """Of accepted commands, by type."""
    return Durations(
        "tiffin_command_latency_seconds",
        "From when the log took a command until it was accepted.",
        ["command"],
        COMMAND_BOUNDS,
    )


def status_seconds() -> Durations:
    """Of aggregates whose decider has a `stage`, by the status that they come to."""
    return Durations(
        "tiffin_status_age_seconds",
        "From when something was asked for until it came to a status; asked for now or for later.",
        ["status", "timing"],
        STATUS_BOUNDS,
    )


def effect_seconds() -> Durations:
    """Of calls to the outside world, by type and how they ended."""
    return Durations(
        "tiffin_effect_duration_seconds",
        "From a call to the outside world until its answer, or until it was given up.",
        ["call", "outcome"],
        _QUICK,
    )


def http_seconds() -> Durations:
    """Of requests to a front, by route."""
    return Durations(
        "tiffin_http_request_duration_seconds",
        "From a request until its answer began.",
        ["method", "route", "status"],
        _QUICK,
    )
