"""What the tests of the runtime share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from infra.broker import LocalCluster
from services.common.event_table import TablePartition
from tests.common import recovery_bench, tally
from tests.common.deaths import Deaths, replace_die
from tests.common.fronts import PARTITIONS, One, client, workers
from tests.common.table_folds import Table


@pytest.fixture(autouse=True)
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """The ends that the process would have come to."""
    return replace_die(monkeypatch)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    """An empty table."""
    opened = TablePartition(tmp_path / "table", tally.decider())
    yield opened
    opened.close()


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[One]:
    """A worker that owns all partitions, and its client."""
    async with workers(tmp_path, set(range(PARTITIONS))) as (worker,), client(worker) as http:
        yield worker, http


@pytest.fixture
async def bench(
    broker: LocalCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[recovery_bench.Bench]:
    """An empty log and an empty table."""
    async with recovery_bench.opened(broker, tmp_path / "table", caplog) as made:
        yield made
