"""The fold of each service's log, by the contract's own fold, to compare the tables with."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from infra.verify.entry import OWNERS, Entry, Typed
from services.common.codec import encode_plain
from services.common.decider import Decider, Row, fold
from services.delivery.domain import Travel, delivery_decider
from services.driver.domain import driver_decider
from services.matcher.domain import region_decider
from services.order.domain import order_decider
from services.order.domain.policy import Policy
from services.order.restaurant import Defaults, restaurant_decider

# How many of its last versions are kept of each aggregate: a front may answer with an earlier one.
VERSIONS_KEPT = 64
# When deciders would write snapshots; a fold writes none.
SNAPSHOT_HOURS = 1.0

Answer = Mapping[str, Any]


class Folds:
    """The rows that the log leads to, read record by record."""

    def __init__(self) -> None:
        # Settings of the deciders concern decisions and agendas only; a fold knows none.
        self._deciders: Mapping[str, Decider[Any, Any, Any]] = {
            "order": order_decider(Policy()),
            "restaurant": restaurant_decider(Defaults(), SNAPSHOT_HOURS),
            "delivery": delivery_decider(Travel(1.0, 0.0)),
            "matcher": region_decider(SNAPSHOT_HOURS),
            "driver": driver_decider(SNAPSHOT_HOURS),
        }
        self._rows: dict[str, dict[str, deque[Row[Any]]]] = {owner: {} for owner in OWNERS}
        self.failures: dict[str, str] = {}

    def take(self, entry: Entry, typed: Typed | None) -> None:
        """Folds an event; any other record is passed over."""
        if typed is None:
            return
        owner = entry.topic.removesuffix(".events")
        key = entry[OWNERS[owner]]
        rows = self._rows[owner].get(key)
        try:
            row = fold(self._deciders[owner], rows[-1] if rows else None, *typed)
        except Exception as error:
            # Only a broken log brings evolve to raise; the rule tells it with its place.
            self.failures[entry.place] = f"{owner}/{key}: {entry.type} can't be folded: {error!r}"
            return
        if row is not None:
            if rows is None:
                rows = self._rows[owner][key] = deque(maxlen=VERSIONS_KEPT)
            rows.append(row)

    def versions(self, owner: str) -> dict[str, int]:
        """The version that each aggregate has come to."""
        return {key: rows[-1].version for key, rows in self._rows[owner].items()}

    def version_of(self, owner: str, key: str) -> int:
        """The version that one aggregate has come to; 0 where the log has none of it."""
        rows = self._rows[owner].get(key)
        return rows[-1].version if rows else 0

    def expected(self, owner: str, key: str, version: int) -> Answer | None:
        """An aggregate at one of its last versions, as JSON; None for a version not known."""
        for row in reversed(self._rows[owner].get(key, ())):
            if row.version == version:
                state = msgspec.json.decode(encode_plain(row.state), type=dict[str, Any])
                changed_at = msgspec.json.decode(encode_plain(row.changed_at))
                return {**state, "version": row.version, "changed_at": changed_at}
        return None
