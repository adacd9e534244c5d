"""One real broker for all tests that only talk to it."""

import asyncio
from collections.abc import Iterator

import pytest

from infra.broker import LocalCluster
from infra.ports import free_ports
from infra.topics import create_topics

PARTITIONS = 4


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running single-node cluster that has the topics of the catalogue."""
    cluster = LocalCluster(tmp_path_factory.mktemp("broker"), free_ports(1)[0])
    cluster.start()
    try:
        asyncio.run(create_topics(cluster.bootstrap, PARTITIONS))
        yield cluster
    finally:
        cluster.stop()
