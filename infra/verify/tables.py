"""Rule: the table of every service is the fold of its log, as its front answers.

An answer is compared with the fold at the version that the answer has. One with an older version
than the log had before the question is late, and is asked for again, a bounded number of times.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from infra.verify.entry import OWNERS
from infra.verify.evidence import Evidence
from infra.verify.folds import Folds
from infra.verify.fronts import Answer
from infra.verify.verdict import Finding, Findings, Verdict

ROUNDS_MAX = 20
ROUND_SECONDS = 0.25
SINGLE_ROWS_MAX = 1_000

# What a front keeps for itself, and what it adds to a state, also inside of a field.
HIDDEN: Mapping[str, frozenset[str]] = {
    "order": frozenset({"payment_token", "idempotency_key"}),
    "restaurant": frozenset({"snapshot_at"}),
    "delivery": frozenset({"code"}),
    "matcher": frozenset({"snapshot_at", "code"}),
    "driver": frozenset({"snapshot_at", "code"}),
}
# Of what it keeps for itself, what nobody may learn from it.
SECRETS = frozenset({"payment_token", "code"})
ADDED: Mapping[str, frozenset[str]] = {
    "order": frozenset({"links", "ready_at_local"}),
    "restaurant": frozenset({"links", "wall_clock", "is_in_hours"}),
    "delivery": frozenset({"links", "requires_code"}),
    "matcher": frozenset({"links", "requires_code"}),
    "driver": frozenset({"links", "requires_code"}),
}
NEW = "NEW"

ReadOn = Callable[[list[str]], Awaitable[None]]


class Fronts(Protocol):
    """What the rule asks of the fronts."""

    async def listed(self, owner: str) -> list[Answer]: ...
    async def rows(self, owner: str, keys: Iterable[str]) -> Mapping[str, Answer | None]: ...
    async def histories(self, keys: Sequence[str]) -> Mapping[str, list[Answer]]: ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer shows: late ones are asked for again, the others are judged for good."""

    text: str
    is_late: bool = False


def judge(
    folds: Folds, owner: str, key: str, wanted: int, answer: Answer | None
) -> Judgement | None:
    """None when the answer is the fold at its version, and this is at least `wanted`."""
    if answer is None or answer.get("status") == NEW:
        return Judgement(f"the front has no row, the log has version {wanted}", is_late=True)
    version = answer["version"]
    latest = folds.version_of(owner, key)
    if version > latest:
        return Judgement(f"the front has version {version}, the log {latest}", is_late=True)
    expected = folds.expected(owner, key, version)
    if expected is not None and (texts := differences(owner, expected, answer)):
        return Judgement(f"at version {version}: {'; '.join(texts)}")
    if version < wanted:
        return Judgement(f"the front stays at version {version}, the log has {wanted}", True)
    return None


def differences(owner: str, expected: Answer, answer: Answer) -> list[str]:
    """The fields in which an answer is not what the fold says."""
    told = _secrets_told(owner, answer)
    texts = [f"{name} is told, which is not for others" for name in sorted(told)]
    left_out = HIDDEN[owner] | ADDED[owner]
    expected, answer = _without(expected, left_out), _without(answer, left_out)
    if owner == "restaurant":
        expected = {**expected, "snoozed": _still_out(expected, answer)}
    for name in sorted({*expected, *answer}):
        if name not in answer:
            texts.append(f"{name} is not told")
        elif name not in expected:
            texts.append(f"{name} is told, which no state has")
        elif answer[name] != expected[name]:
            texts.append(f"{name} is {answer[name]!r}, the fold has {expected[name]!r}")
    return texts


def _without(part: Any, names: frozenset[str]) -> Any:
    """A part of a state without the fields of these names, however deep."""
    match part:
        case Mapping():
            return {name: _without(each, names) for name, each in part.items() if name not in names}
        case list():
            return [_without(each, names) for each in part]
        case _:
            return part


def _secrets_told(owner: str, part: Any) -> set[str]:
    """What an answer tells that no caller may know, however deep."""
    match part:
        case Mapping():
            inner = [_secrets_told(owner, each) for each in part.values()]
            return set(HIDDEN[owner] & SECRETS & part.keys()).union(*inner)
        case list():
            return set[str]().union(*(_secrets_told(owner, each) for each in part))
        case _:
            return set()


def _still_out(expected: Answer, answer: Answer) -> list[Any]:
    """The snoozed items; a front leaves out those whose time is over."""
    now, told = datetime.now(UTC), answer.get("snoozed")
    return [
        each
        for each in expected.get("snoozed", [])
        if each["until"] is None
        or datetime.fromisoformat(each["until"]) > now
        or (isinstance(told, list) and each in told)
    ]


async def check_tables(
    evidence: Evidence, folds: Folds, fronts: Fronts, read_on: ReadOn
) -> Verdict:
    """Every row of every list, and the newest rows also one by one, with the orders' histories.

    Args:
        read_on: brings the folds up to the end of these topics.
    """
    found = Findings()
    for place, text in folds.failures.items():
        found.violations.append(Finding(text, place, None, place))
    for owner in OWNERS:
        table = _Table(owner, evidence, folds, fronts, read_on, found)
        await table.check()
    return found.verdict("tables", "the table of every service is the fold of its log")


@dataclass(slots=True)
class _Table:
    owner: str
    evidence: Evidence
    folds: Folds
    fronts: Fronts
    read_on: ReadOn
    found: Findings

    async def check(self) -> None:
        wanted = self.folds.versions(self.owner)
        self.found.checked += len(wanted)
        wrong = await self._check_lists(wanted)
        singles = list(wanted)[-SINGLE_ROWS_MAX:]
        if len(singles) < len(wanted):
            text = f"{len(singles)} of {len(wanted)} rows were also asked for one by one"
            self.found.notes.append(Finding(text, self.owner))
        rest = {key: wanted[key] for key in singles if key not in wrong}
        wrong |= await self._check_singles(rest)
        if self.owner == "order":
            await self._check_histories([key for key in rest if key not in wrong])

    async def _check_lists(self, wanted: Mapping[str, int]) -> set[str]:
        """Keys of rows that the list has not, has wrong, or has too many."""
        judged: dict[str, Judgement] = {}
        rows: list[Answer] = []
        for _ in range(ROUNDS_MAX):
            rows = await self.fronts.listed(self.owner)
            await self.read_on([f"{self.owner}.events"])
            listed = {row[OWNERS[self.owner]]: row for row in rows}
            judged = self._judge_list(wanted, listed)
            if not any(judgement.is_late for judgement in judged.values()):
                break
            await asyncio.sleep(ROUND_SECONDS)
        for key, judgement in judged.items():
            self._violated(key, f"in the list, {judgement.text}")
        for key, count in Counter(row[OWNERS[self.owner]] for row in rows).items():
            if count > 1:
                self._violated(key, f"it is in the list {count} times")
        return set(judged)

    def _judge_list(
        self, wanted: Mapping[str, int], listed: Mapping[str, Answer]
    ) -> dict[str, Judgement]:
        judged: dict[str, Judgement] = {}
        known = self.folds.versions(self.owner)
        for key in listed.keys() - known.keys():
            if not self.evidence.is_cut(f"{self.owner}.events", key):
                judged[key] = Judgement("the front has a row that no event has led to")
        for key, version in wanted.items():
            row = listed.get(key)
            # The list of regions tells how many wait, and no version.
            is_whole = row is None or "version" in row
            judgement = judge(self.folds, self.owner, key, version, row) if is_whole else None
            if judgement is not None:
                judged[key] = judgement
        return judged

    async def _check_singles(self, wanted: Mapping[str, int]) -> set[str]:
        waiting, wrong = dict(wanted), set[str]()
        judged: dict[str, Judgement] = {}
        for _ in range(ROUNDS_MAX):
            rows = await self.fronts.rows(self.owner, waiting)
            await self.read_on([f"{self.owner}.events"])
            judged = {
                key: judgement
                for key, version in waiting.items()
                if (judgement := judge(self.folds, self.owner, key, version, rows[key]))
            }
            final = [key for key, judgement in judged.items() if not judgement.is_late]
            for key in final:
                self._violated(key, judged.pop(key).text)
                wrong.add(key)
            waiting = {key: waiting[key] for key in judged}
            if not waiting:
                return wrong
            await asyncio.sleep(ROUND_SECONDS)
        for key, judgement in judged.items():
            self._violated(key, judgement.text)
        return wrong | judged.keys()

    async def _check_histories(self, keys: Sequence[str]) -> None:
        orders = self.evidence.histories("order")
        told = await self.fronts.histories(keys)
        for key in keys:
            ids = {event["version"]: event["id"] for event in told[key]}
            for entry in orders.get(key, ()):
                if ids.get(entry["version"]) != entry.id:
                    text = f"its history tells {ids.get(entry['version'])} as version"
                    self._violated(key, f"{text} {entry['version']}, the log {entry.id}")
                    break

    def _violated(self, key: str, text: str) -> None:
        history = self.evidence.histories(self.owner).get(key)
        place = history[-1].place if history else None
        order_id = key if self.owner == "order" else None
        self.found.violations.append(Finding(text, f"{self.owner}/{key}", order_id, place))
