"""One real broker for all tests that only talk to it, and the order of all tests."""

import asyncio
from collections.abc import Iterator

import pytest

from infra.broker import LocalCluster
from infra.ports import free_ports
from infra.topics import create_topics

PARTITIONS = 4
BROKER_FIXTURES = {"cluster", "broker"}
# Where every test has a stack of its own.
STACK_FOLDERS = {"e2e", "browser"}
# Files are spread over processes in this order: first those that take longest, so that none is
# left over at the end. A process that has two tests or less to go is given its next file.
FIRST_FILES = (
    "test_chaos.py",
    "test_rebalance.py",
    "test_real_stack.py",
    "test_bench.py",
    "test_restarts.py",
    "test_operations.py",
    "test_purchase.py",
    "test_restaurant.py",
    "test_partitions_on_kafka.py",
    "test_topics.py",
    "test_back_pressure.py",
    "test_invariants.py",
    "test_broker.py",
    "test_two_workers.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs Kafka, and has it begin first."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & BROKER_FIXTURES or item.path.parent.name in STACK_FOLDERS:
            item.add_marker(pytest.mark.kafka)
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    """The place of a test's file; all of a file's tests stay together, in their order."""
    if item.path.name in FIRST_FILES:
        return FIRST_FILES.index(item.path.name)
    needs_kafka = item.get_closest_marker("kafka") is not None
    return len(FIRST_FILES) + int(not needs_kafka)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running single-node cluster; tests create topics of their own in it."""
    shared = LocalCluster(tmp_path_factory.mktemp("kafka"), free_ports(1)[0])
    shared.start()
    yield shared
    shared.stop()


@pytest.fixture(scope="session")
def broker(cluster: LocalCluster) -> LocalCluster:
    """The cluster with the topics of the catalogue."""
    asyncio.run(create_topics(cluster.bootstrap, PARTITIONS))
    return cluster
