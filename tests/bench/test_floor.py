"""The floor's chains of bare clients."""

from pathlib import Path
from typing import Any

import pytest

from infra.bench.floor import CLIENTS, Client, chain_rate
from infra.broker import LocalCluster
from infra.errors import BrokerError

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("client", CLIENTS)
async def test_all_records_come_through_a_chain(
    broker: LocalCluster, tmp_path: Path, client: Client
) -> None:
    """Both clients copy every record over more hops than there are processes."""
    assert await chain_rate(broker.bootstrap, tmp_path, client, 6, 100, 640, 9) > 0


async def test_a_chain_that_breaks_has_no_rate(broker: LocalCluster, tmp_path: Path) -> None:
    """A process that ends is told, and not waited for."""
    nobody: Any = "nobody"
    with pytest.raises(BrokerError, match="ended: KeyError: 'nobody'"):
        await chain_rate(broker.bootstrap, tmp_path, nobody, 2, 10, 640)
