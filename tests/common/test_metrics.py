"""Metrics: what a worker tells Prometheus, read back with Prometheus' own parser."""

import ast
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from services.common import clock, metrics
from services.common.agenda import Agenda
from services.common.event_table import EventTable
from services.common.lag import Lag
from services.common.metrics import COUNTED, FLAGGED_MAX, JointMetrics, Metrics
from services.common.partitions import Partitions
from services.common.progress import Progress
from services.common.pulse import Pulses
from services.common.telemetry import Counters

SERVICES = Path("services")


def told(made: Metrics) -> dict[tuple[str, str], float]:
    """Values by name and labels, as in `tiffin_commands_total`, `outcome=accepted`."""
    return told_by_all(order=made)


def told_by_all(**made: Metrics) -> dict[tuple[str, str], float]:
    """The same of some aggregates; the label of the aggregate is left out where there is one."""
    text = JointMetrics(made).text().decode()
    families: Iterable[Metric] = text_string_to_metric_families(text)
    found: dict[tuple[str, str], float] = {}
    for family in families:
        assert family.documentation
        for sample in family.samples:
            named = dict(sample.labels)
            if len(made) == 1:
                named.pop("aggregate", None)
            labels = ",".join(f"{name}={value}" for name, value in sorted(named.items()))
            assert (sample.name, labels) not in found
            found[sample.name, labels] = sample.value
    return found


def test_a_worker_names_itself_and_its_process() -> None:
    """With what the process takes of the machine."""
    values = told(Metrics("order", 'a "quoted"\nname'))
    assert [key for key in values if key[0] == "tiffin_worker_info"]
    assert values["process_resident_memory_bytes", ""] > 1 << 20
    assert values["process_cpu_seconds_total", ""] > 0


def test_what_was_never_counted_is_told_as_0() -> None:
    """So that a rate has a beginning."""
    made, counters = Metrics("order", "a"), Counters()
    made.add(partial(metrics.counter_families, counters))
    before = told(made)
    assert before["tiffin_commands_total", "outcome=accepted"] == 0
    counters.add("commands_accepted", 3)
    counters.add("dead_letters")
    after = told(made)
    assert after["tiffin_commands_total", "outcome=accepted"] == 3
    assert after["tiffin_dead_letters_total", ""] == 1
    assert before.keys() == after.keys()


def test_every_counter_of_the_runtime_is_told() -> None:
    """A new `counters.add` needs its line in COUNTED."""
    names = set()
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "add"
                and ast.unparse(node.func.value).endswith("counters")
            ):
                assert isinstance(node.args[0], ast.Constant), ast.unparse(node)
                names.add(node.args[0].value)
    assert names == set(COUNTED)


def test_loops_tell_how_long_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """And which of them stand for longer than they may."""
    now = [0.0]
    monkeypatch.setattr(clock, "since_boot", lambda: now[0])
    pulses, made = Pulses(), Metrics("order", "a")
    made.add(partial(metrics.pulse_families, pulses, 8.0))
    pulses.begin("timers")
    pulses.begin("reactions").beat(grace_seconds=60.0)
    now[0] = 9.0
    values = told(made)
    assert values["tiffin_loop_idle_seconds", "loop=timers"] == 9.0
    assert values["tiffin_loop_stalled", "loop=timers"] == 1
    assert values["tiffin_loop_idle_seconds", "loop=reactions"] == 9.0
    assert values["tiffin_loop_stalled", "loop=reactions"] == 0


def test_inputs_tell_what_waits_in_them() -> None:
    """By topic and partition."""
    lag = SimpleNamespace(records={TopicPartition("order.commands", 2): 17})
    made = Metrics("order", "a")
    made.add(partial(metrics.lag_families, [cast(Lag, lag)]))
    assert told(made)["tiffin_input_lag_records", "partition=2,topic=order.commands"] == 17


def test_partitions_tell_what_is_open_and_how_far_recoveries_are() -> None:
    """In events of the log."""
    progress = Progress("order.events", 3)
    progress.aim(100, 500)
    progress.position = 250
    owned = SimpleNamespace(assigned=frozenset({1, 3}), open_partitions=frozenset({1}))
    flagged = {("flagged", "true"): range(FLAGGED_MAX + 5)}
    table: Any = {
        1: SimpleNamespace(
            keys_estimate=42,
            counts={"CREATED": 7},
            listed=lambda labels: iter(flagged[next(iter(labels.items()))]),
        ),
    }
    made = Metrics("order", "a")
    made.add(
        lambda: metrics.partition_families(
            cast(Partitions, owned), cast(EventTable[Any], table), [progress]
        )
    )
    values = told(made)
    assert values["tiffin_partitions_assigned", ""] == 2
    assert values["tiffin_partitions_open", ""] == 1
    assert values["tiffin_aggregates", "status=CREATED"] == 7
    assert values["tiffin_table_keys_estimate", "partition=1"] == 42
    assert values["tiffin_flagged", "partition=1"] == FLAGGED_MAX
    assert values["tiffin_recovery_folded_events", "partition=3"] == 150
    assert values["tiffin_recovery_wanted_events", "partition=3"] == 400


class _Effects:
    running, pausing, oldest_seconds = 2, 3, 1.5

    def __len__(self) -> int:
        return 9


class _Timers:
    late_seconds = 4.5

    def __len__(self) -> int:
        return 6


@pytest.mark.parametrize("effects", [_Effects(), None])
def test_agendas_tell_what_states_wait_for(effects: _Effects | None) -> None:
    """Calls by what they do now, where the service makes calls; timers, and how late they are."""
    agenda = SimpleNamespace(timers=_Timers(), effects=effects, is_short=True)
    made = Metrics("order", "a")
    made.add(partial(metrics.agenda_families, cast(Agenda, agenda)))
    values = told(made)
    assert values["tiffin_timers_pending", ""] == 6
    assert values["tiffin_timers_late_seconds", ""] == 4.5
    assert values["tiffin_agenda_is_short", ""] == 1
    calls = {key[1]: value for key, value in values.items() if key[0] == "tiffin_effects"}
    if effects is None:
        assert calls == {}
    else:
        assert calls == {"state=running": 2, "state=pausing": 3, "state=queued": 4}
        assert values["tiffin_effects_oldest_seconds", ""] == 1.5


def test_aggregates_of_one_process_are_told_apart() -> None:
    """One family of each name, with a sample of each; the process is told once."""
    made, counters = {name: Metrics(name, "a") for name in ("order", "restaurant")}, Counters()
    counters.add("dead_letters")
    made["order"].add(partial(metrics.counter_families, counters))
    made["restaurant"].add(partial(metrics.counter_families, Counters()))
    values = told_by_all(**made)
    assert values["tiffin_dead_letters_total", "aggregate=order"] == 1
    assert values["tiffin_dead_letters_total", "aggregate=restaurant"] == 0
    assert values["process_cpu_seconds_total", ""] > 0
