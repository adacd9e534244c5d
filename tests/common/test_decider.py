"""What a row is: the fold of its events, with a bounded memory of what has had its event."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.common.decider import Decider, Envelope, Rejected, Row, fold, is_repeat
from tests.given import NOON, deterministic

SOURCES_MAX, RECENT_MAX = 3, 4


@dataclass(frozen=True, slots=True)
class Add:
    """Adds to a sum."""

    number: int


@dataclass(frozen=True, slots=True)
class Added:
    """A sum has grown."""

    number: int


@dataclass(frozen=True, slots=True)
class Snapshotted:
    """A whole sum."""

    total: int
    sources: dict[str, int]


Event = Added | Snapshotted


def decide(command: Add, total: int | None, at: datetime) -> Event | Rejected | None:
    """Every number is added."""
    return Added(command.number)


def evolve(total: int | None, event: Event, at: datetime) -> int:
    """The sum after the event."""
    return event.total if isinstance(event, Snapshotted) else (total or 0) + event.number


DECIDER: Decider[int, Add, Event] = Decider(
    name="sum",
    key_field="name",
    decide=decide,
    evolve=evolve,
    agenda=lambda total: (),
    labels=lambda total: {},
    listed_at=lambda total: NOON,
    state_type=int,
    sources_max=SOURCES_MAX,
    recent_max=RECENT_MAX,
    snapshot_event=Snapshotted,
)


def event_of(
    command: str, version: int, source: str | None = None, source_version: int | None = None
) -> Envelope:
    """The envelope of the event of a command."""
    return Envelope(
        f"event of {command}", "Added", NOON, command, "sum", version, source, source_version
    )


def asked(command: str, source: str | None = None, source_version: int | None = None) -> Envelope:
    """The envelope of a command."""
    return Envelope(command, "Add", NOON, command, "sum", 0, source, source_version)


def folded(*envelopes: Envelope) -> Row[int]:
    """The row of events that each add 1."""
    row: Row[int] | None = None
    for envelope in envelopes:
        row = fold(DECIDER, row, envelope, Added(1))
        assert row is not None
    assert row is not None
    return row


def test_versions_follow_one_another_from_one_on() -> None:
    row = folded(event_of("a", 1), event_of("b", 2))
    assert (row.version, row.state) == (2, 2)


def test_a_row_tells_when_it_changed() -> None:
    later = structs.replace(event_of("b", 2), occurred_at=NOON + timedelta(seconds=1))
    assert folded(event_of("a", 1), later).changed_at == NOON + timedelta(seconds=1)


@pytest.mark.parametrize("version", [-1, 0, 2, 7])
def test_no_other_version_begins_a_row(version: int) -> None:
    assert fold(DECIDER, None, event_of("a", version), Added(1)) is None


@pytest.mark.parametrize("version", [0, 1, 2, 4, 9])
def test_an_event_whose_version_does_not_follow_loses(version: int) -> None:
    """Also the second event of one version: the first in the order of the log wins."""
    row = folded(event_of("a", 1), event_of("b", 2))
    assert fold(DECIDER, row, event_of("c", version), Added(1)) is None
    assert row == folded(event_of("a", 1), event_of("b", 2))


@pytest.mark.parametrize("version", [1, 2, 77])
def test_a_snapshot_may_begin_a_row_at_any_version(version: int) -> None:
    snapshot = Snapshotted(40, {"other/1": 5})
    row = fold(DECIDER, None, event_of("snap", version), snapshot)
    assert row == Row(version, NOON, {"other/1": 5}, ("snap",), 40, "event of snap")
    assert is_repeat(row, asked("x", "other/1", 5))


@pytest.mark.parametrize("version", [1, 2, 4])
def test_within_a_row_a_snapshot_follows_like_any_event(version: int) -> None:
    row = folded(event_of("a", 1), event_of("b", 2))
    assert fold(DECIDER, row, event_of("snap", version), Snapshotted(2, {})) is None
    assert fold(DECIDER, row, event_of("snap", 3), Snapshotted(2, {})) is not None


def test_an_event_whose_command_has_had_its_event_loses() -> None:
    """Another writer may decide the same commands in another order: its versions may follow."""
    row = folded(event_of("a", 1), event_of("b", 2, "other/1", 5))
    assert fold(DECIDER, row, event_of("a", 3), Added(1)) is None
    assert fold(DECIDER, row, event_of("b", 3, "other/1", 5), Added(1)) is None
    assert fold(DECIDER, row, event_of("b", 3, "other/1", 6), Added(1)) is not None


def test_an_event_that_was_decided_on_one_that_has_lost_loses() -> None:
    """Its version follows all the same: the other writer had as many before it."""
    row = folded(event_of("a", 1), event_of("b", 2))
    behind = structs.replace(event_of("d", 3), follows="event of c")
    assert fold(DECIDER, row, behind, Added(1)) is None
    upon = structs.replace(event_of("d", 3), follows="event of b")
    after = fold(DECIDER, row, upon, Added(1))
    assert after is not None
    assert after.event_id == "event of d"


def test_an_event_that_the_state_knows_again_loses() -> None:
    """Its command's id is not remembered; the state itself is the memory."""
    highest = replace(DECIDER, recognised={Added: lambda total, event: event.number <= total})
    row = fold(highest, None, event_of("a", 1), Added(3))
    assert row is not None
    assert row.recent == ()
    assert fold(highest, row, event_of("a", 2), Added(3)) is None
    assert fold(highest, row, event_of("b", 2), Added(2)) is None
    assert fold(highest, row, event_of("c", 2), Added(4)) is not None


def test_a_command_from_outside_is_known_by_its_id() -> None:
    row = folded(event_of("a", 1), event_of("b", 2))
    assert is_repeat(row, asked("a"))
    assert is_repeat(row, asked("b"))
    assert not is_repeat(row, asked("c"))
    assert not is_repeat(None, asked("a"))


def test_a_command_that_follows_from_an_event_is_known_by_its_source() -> None:
    """The source's version is a high-water mark: what came before it is a repeat, too."""
    row = folded(event_of("a", 1, "other/1", 5))
    assert is_repeat(row, asked("a", "other/1", 5))
    assert is_repeat(row, asked("never seen", "other/1", 4))
    assert not is_repeat(row, asked("a", "other/1", 6))
    assert not is_repeat(row, asked("a", "other/2", 5))
    assert row.recent == ()


def test_the_mark_of_a_source_rises() -> None:
    row = folded(event_of("a", 1, "other/1", 5), event_of("b", 2, "other/1", 9))
    assert row.sources == {"other/1": 9}


def test_the_memory_of_ids_is_bounded_and_forgets_the_oldest() -> None:
    row = folded(*(event_of(f"c{number}", number + 1) for number in range(RECENT_MAX + 2)))
    assert row.recent == ("c2", "c3", "c4", "c5")


def test_the_memory_of_sources_is_bounded_and_forgets_the_one_unheard_for_longest() -> None:
    heard = [("s1", 1), ("s2", 1), ("s3", 1), ("s1", 2), ("s4", 1)]
    row = folded(*(event_of(f"c{number}", number + 1, *each) for number, each in enumerate(heard)))
    assert row.sources == {"s3": 1, "s1": 2, "s4": 1}
    assert list(row.sources) == ["s3", "s1", "s4"]


def test_fold_leaves_the_row_before_as_it_was() -> None:
    before = folded(event_of("a", 1, "other/1", 5))
    fold(DECIDER, before, event_of("b", 2, "other/1", 6), Added(1))
    assert before.sources == {"other/1": 5}


@deterministic
@given(
    log=st.lists(
        st.tuples(
            st.integers(0, 6), st.sampled_from((None, "s1", "s2", "s3", "s4")), st.integers(1, 9)
        ),
        max_size=40,
    )
)
def test_whatever_the_log_holds_the_row_is_the_fold_of_the_winners(
    log: list[tuple[int, str | None, int]],
) -> None:
    """Any log: versions rise by one, losers leave no trace, the memory keeps its bounds."""
    row: Row[int] | None = None
    winners = 0
    for number, (version, source, source_version) in enumerate(log):
        envelope = event_of(
            f"c{number}", version, source, None if source is None else source_version
        )
        had = is_repeat(row, asked(f"c{number}", source, envelope.source_version))
        after = fold(DECIDER, row, envelope, Added(1))
        assert (after is not None) == (version == winners + 1 and not had)
        if after is None:
            continue
        winners += 1
        row = after
        assert (row.version, row.state) == (winners, winners)
        assert len(row.sources) <= SOURCES_MAX
        assert len(row.recent) <= RECENT_MAX
        assert is_repeat(row, asked(f"c{number}", source, envelope.source_version))
