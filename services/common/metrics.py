"""Metrics of a worker, for Prometheus: read from what is there when somebody asks.

Nothing is counted twice: each family is made at that moment from the worker's own counters, pulses
and tables. For most of it the loops pay nothing; for the histograms, less than a microsecond.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from services.common.agenda import Agenda
from services.common.durations import Durations
from services.common.event_table import EventTable
from services.common.lag import Lag
from services.common.partitions import Partitions
from services.common.progress import Progress
from services.common.pulse import Pulses
from services.common.span_export import SpanExport
from services.common.telemetry import Counters

FLAGGED_MAX = 1_000

Families = Callable[[], Iterable[Metric]]

_COMMANDS = ("tiffin_commands", "What became of commands.")
_EFFECTS = ("tiffin_effect_attempts", "Calls to the outside world that ended, by how.")
_RECOVERED = ("tiffin_recovery_events", "Events that recoveries have met in the log, by kind.")
# Counter: family, help, and the label that tells it from the family's others.
COUNTED: Mapping[str, tuple[tuple[str, str], Mapping[str, str]]] = {
    "commands_accepted": (_COMMANDS, {"outcome": "accepted"}),
    "commands_rejected": (_COMMANDS, {"outcome": "rejected"}),
    "commands_repeated": (_COMMANDS, {"outcome": "repeated"}),
    "commands_forwarded": (_COMMANDS, {"outcome": "forwarded"}),
    "dead_letters": (("tiffin_dead_letters", "Records that were put aside with a reason."), {}),
    "effects_answered": (_EFFECTS, {"outcome": "answered"}),
    "effects_unanswered": (_EFFECTS, {"outcome": "unanswered"}),
    "effects_failed": (_EFFECTS, {"outcome": "failed"}),
    "calls_untold": (
        ("tiffin_calls_untold", "Attempts of calls that the topic of calls does not tell of."),
        {},
    ),
    "events_recovered": (_RECOVERED, {"kind": "folded"}),
    "events_lost": (_RECOVERED, {"kind": "lost"}),
    "events_missing": (_RECOVERED, {"kind": "missing"}),
    "events_unreadable": (_RECOVERED, {"kind": "unreadable"}),
}


class Metrics:
    """All that one worker tells of its aggregate."""

    def __init__(self, service: str, worker: str) -> None:
        self._sources: list[Families] = []
        self.add(lambda: [_info(service, worker)])

    def add(self, families: Families) -> None:
        """Has these told too; each has names that no other has."""
        self._sources.append(families)

    def collect(self) -> Iterator[Metric]:
        """All families as they are now."""
        for families in self._sources:
            yield from families()


class JointMetrics(Collector):
    """What all aggregates of one process tell; each sample says which one it is of."""

    def __init__(self, parts: Mapping[str, Metrics]) -> None:
        self._parts = parts
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing yet: what is told is known when it is asked for."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The families of all, those of one name as one."""
        joint: dict[str, Metric] = {}
        for aggregate, metrics in self._parts.items():
            for family in metrics.collect():
                whole = joint.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                for sample in family.samples:
                    whole.samples.append(
                        sample._replace(labels={"aggregate": aggregate, **sample.labels})
                    )
        yield from joint.values()

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)


def counter_families(counters: Counters) -> Iterator[Metric]:
    """Each counter of COUNTED, 0 where nothing was counted; refusals by reason; durations."""
    counts = counters.snapshot()
    families: dict[str, CounterMetricFamily] = {}
    for name, ((family, text), labels) in COUNTED.items():
        if family not in families:
            families[family] = CounterMetricFamily(family, text, labels=list(labels))
        families[family].add_metric(list(labels.values()), counts.get(name, 0))
    yield from families.values()
    reasons = CounterMetricFamily(
        "tiffin_rejections", "Commands that were refused, by reason.", labels=["reason"]
    )
    for reason, count in sorted(counters.reasons.items()):
        reasons.add_metric([reason], count)
    yield reasons
    yield from duration_families(
        counters.command_seconds, counters.status_seconds, counters.effect_seconds
    )


def duration_families(*made: Durations) -> Iterator[Metric]:
    """Histograms, as many as there are labels."""
    for durations in made:
        family = HistogramMetricFamily(durations.name, durations.text, labels=durations.labels)
        bounds = [*(str(bound) for bound in durations.bounds), "+Inf"]
        for labels, series in durations:
            buckets = zip(bounds, accumulate(series.counts), strict=True)
            family.add_metric(labels, list(buckets), series.seconds)
        yield family


def span_families(export: SpanExport) -> Iterator[Metric]:
    """What became of the process' spans."""
    family = CounterMetricFamily("tiffin_spans", "Spans by what became of them.", labels=["to"])
    family.add_metric(["exported"], export.exported)
    family.add_metric(["dropped"], export.dropped)
    yield family


def pulse_families(pulses: Pulses, stall_warn_seconds: float) -> Iterator[Metric]:
    """How long each loop stands."""
    idle = _gauge("tiffin_loop_idle_seconds", "Since the loop last made progress.", "loop")
    stalled = _gauge(
        "tiffin_loop_stalled", "1 while the loop stands longer than it may, else 0.", "loop"
    )
    for pulse in pulses:
        idle.add_metric([pulse.name], pulse.idle_seconds)
        stalled.add_metric([pulse.name], float(pulse.overdue_seconds > stall_warn_seconds))
    yield from (idle, stalled)


def lag_families(lags: Sequence[Lag]) -> Iterator[Metric]:
    """How much waits in the inputs."""
    family = GaugeMetricFamily(
        "tiffin_input_lag_records",
        "Records of an input that this worker owns and has not taken yet.",
        labels=["topic", "partition"],
    )
    for lag in lags:
        for place, waiting in lag.records.items():
            family.add_metric([place.topic, str(place.partition)], waiting)
    yield family


def partition_families(
    partitions: Partitions, table: EventTable[object], recoveries: Sequence[Progress]
) -> Iterator[Metric]:
    """What the worker owns, and how far it is with what it does not have open yet."""
    owned = partitions.assigned
    yield GaugeMetricFamily("tiffin_partitions_assigned", "Given by the group.", len(owned))
    opened = partitions.open_partitions
    yield GaugeMetricFamily("tiffin_partitions_open", "Folded and answered for.", len(opened))
    statuses = Counter[str]()
    for number in opened:
        statuses.update(table[number].counts)
    aggregates = _gauge("tiffin_aggregates", "Aggregates in the open tables, by status.", "status")
    for status, count in sorted(statuses.items()):
        aggregates.add_metric([status], count)
    yield aggregates
    keys = _gauge(
        "tiffin_table_keys_estimate", "Entries of a table, with those of its indexes.", "partition"
    )
    flagged = _gauge(
        "tiffin_flagged",
        f"Aggregates that operators are to look at; counted up to {FLAGGED_MAX}.",
        "partition",
    )
    for number in sorted(opened):
        keys.add_metric([str(number)], table[number].keys_estimate)
        found = islice(table[number].listed({"flagged": "true"}), FLAGGED_MAX)
        flagged.add_metric([str(number)], sum(1 for _ in found))
    folded = _gauge("tiffin_recovery_folded_events", "Folded by the recovery so far.", "partition")
    wanted = _gauge("tiffin_recovery_wanted_events", "To fold by the recovery in all.", "partition")
    for each in recoveries:
        label = [str(each.partition)]
        folded.add_metric(label, each.position - each.start)
        wanted.add_metric(label, each.end - each.start)
    yield from (keys, flagged, folded, wanted)


def agenda_families(agenda: Agenda) -> Iterator[Metric]:
    """What the states of the open partitions wait for."""
    timers, effects = agenda.timers, agenda.effects
    yield GaugeMetricFamily("tiffin_timers_pending", "Wakeups that states wait for.", len(timers))
    yield GaugeMetricFamily(
        "tiffin_timers_late_seconds", "Since the earliest pending one was due.", timers.late_seconds
    )
    yield GaugeMetricFamily(
        "tiffin_agenda_is_short",
        "1 while some of what states wait for has no room in memory yet, else 0.",
        float(agenda.is_short),
    )
    if effects is None:
        return
    calls = _gauge("tiffin_effects", "Calls to the outside world that states wait for.", "state")
    running, pausing = effects.running, effects.pausing
    for state, count in (
        ("running", running),
        ("pausing", pausing),
        ("queued", max(0, len(effects) - running - pausing)),
    ):
        calls.add_metric([state], count)
    yield calls
    yield GaugeMetricFamily(
        "tiffin_effects_oldest_seconds",
        "Since the oldest running call began.",
        effects.oldest_seconds,
    )


def _gauge(name: str, text: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=[label])


def _info(service: str, worker: str) -> Metric:
    family = GaugeMetricFamily(
        "tiffin_worker_info", "Which worker this is.", labels=["service", "worker"]
    )
    family.add_metric([service, worker], 1)
    return family
