"""Which events of a log count: of each version of an aggregate the first, one after the other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.verify.entry import Entry

SNAPSHOTS = frozenset({"DriverSnapshotted", "RegionSnapshotted", "RestaurantSnapshotted"})


@dataclass(frozen=True, slots=True)
class Chain:
    """The events of one owner's log.

    standing: by aggregate, the first event of each version. An event after a gap stands too, so
        that one lost record is told once and not by every rule.
    duplicates: later copies of a standing event, with the same id and content.
    losers: other events whose version does not follow, each with what is wrong.
    before: kept events of aggregates whose first event was deleted, up to a snapshot if any.
    cut: aggregates of which the log has neither the first event nor a snapshot any more.
    partial: aggregates whose kept history begins with a snapshot.
    """

    standing: Mapping[str, Sequence[Entry]]
    duplicates: Sequence[Entry]
    losers: Sequence[tuple[Entry, str]]
    before: Sequence[Entry]
    cut: frozenset[str]
    partial: frozenset[str]


def chain_of(entries: Iterable[Entry], key_field: str, was_cut: Callable[[Entry], bool]) -> Chain:
    """The chain of a log.

    Args:
        entries: of the whole topic, in the order of each partition; unreadable ones are left out.
        was_cut: whether the beginning of the entry's partition was deleted.
    """
    standing: dict[str, list[Entry]] = {}
    by_version: dict[str, dict[int, Entry]] = {}
    duplicates: list[Entry] = []
    losers: list[tuple[Entry, str]] = []
    before: list[Entry] = []
    cut: set[str] = set()
    partial: set[str] = set()
    for entry in entries:
        if entry.problem is not None:
            continue
        key, version = entry[key_field], entry["version"]
        history = standing.get(key)
        if history is None:
            if version != 1 and was_cut(entry):
                if entry.type not in SNAPSHOTS:
                    before.append(entry)
                    cut.add(key)
                    continue
                partial.add(key)
            elif version != 1:
                losers.append((entry, f"its first event has version {version}, not 1"))
            standing[key], by_version[key] = [entry], {version: entry}
            continue
        last = history[-1]["version"]
        winner = by_version[key].get(version)
        if winner is not None and winner.content == entry.content:
            duplicates.append(entry)
        elif winner is not None:
            losers.append(
                (entry, f"{entry.type} has version {version}, as {winner.type} at {winner.place}")
            )
        elif version <= last:
            losers.append((entry, f"{entry.type} has version {version} after version {last}"))
        else:
            if version > last + 1:
                losers.append((entry, f"version {last} is followed by version {version}"))
            elif entry.get("follows") not in (None, history[-1]["id"]):
                losers.append((entry, f"it was decided on another event than {history[-1].place}"))
            history.append(entry)
            by_version[key][version] = entry
    left_out = frozenset(cut - standing.keys())
    return Chain(standing, duplicates, losers, before, left_out, frozenset(partial))
