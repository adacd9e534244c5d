"""The whole proof: reads the evidence, and has every rule judge it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.verify.entry import TOPICS, Entry, Typed
from infra.verify.evidence import Evidence, Patience
from infra.verify.folds import Folds
from infra.verify.fronts import Web
from infra.verify.log_reader import open_log
from infra.verify.rules import RULES
from infra.verify.rules.orders import OpenOrder, open_orders
from infra.verify.rules.statuses import status_of
from infra.verify.tables import check_tables
from infra.verify.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdicts of all rules, what was read, and the orders: by status, and those open."""

    verdicts: tuple[Verdict, ...]
    read: Mapping[str, int]
    statuses: Mapping[str, int]
    open: tuple[OpenOrder, ...]

    @property
    def is_clean(self) -> bool:
        """True when no rule is broken."""
        return not any(verdict.violations for verdict in self.verdicts)


async def prove(
    bootstrap: str,
    urls: Mapping[str, str],
    patience: Patience,
    acknowledged: frozenset[str] = frozenset(),
) -> Proof:
    """Reads the log, the ledgers, the log's new end, and the fronts, and judges them.

    Args:
        urls: the base URL of each service's front, of "payments" and of "pos".
        acknowledged: order ids that somebody else knows to be acknowledged.

    Raises:
        CannotVerifyError: the log, a ledger or a front is not there.
    """
    entries: dict[str, list[Entry]] = {topic: [] for topic in TOPICS}
    folds = Folds()
    is_collecting = True

    def take(entry: Entry, typed: Typed | None) -> None:
        folds.take(entry, typed)
        if is_collecting:
            entries[entry.topic].append(entry)

    web = Web(urls)
    try:
        async with open_log(bootstrap, take) as log:
            await log.read_on()
            told = dict(log.next)
            ledgers = await web.ledgers()
            await log.read_on()
            is_collecting = False
            for topic in entries.values():
                topic.sort(key=lambda entry: (entry.partition, entry.offset))
            evidence = Evidence(
                partitions=log.partitions,
                entries=entries,
                begins=log.begins,
                told=told,
                ledgers=ledgers,
                read_at=datetime.now(UTC),
                patience=patience,
                acknowledged=acknowledged,
            )
            verdicts = [rule(evidence) for rule in RULES]
            verdicts.append(await check_tables(evidence, folds, web, log.read_on))
    finally:
        await web.close()
    orders = evidence.histories("order").values()
    return Proof(
        verdicts=tuple(verdicts),
        read={topic: len(found) for topic, found in entries.items()},
        statuses=Counter(status_of(history) for history in orders),
        open=tuple(open_orders(evidence)),
    )
