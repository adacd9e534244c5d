"""Records go where Kafka's own clients would put them."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.cluster import ClusterMetadata
from aiokafka.partitioner import DefaultPartitioner

from services.common import kafka
from services.common.kafka import PlacingProducer, partition_of

TOPIC = "tally.commands"
PARTITIONS = 64


@contextmanager
def producer() -> Iterator[PlacingProducer]:
    """A producer that knows a topic and no broker."""
    made = object.__new__(PlacingProducer)
    cluster = ClusterMetadata()
    leader = mock.Mock(leader=0)
    cluster._partitions[TOPIC] = dict.fromkeys(range(PARTITIONS), leader)
    made._metadata = cluster
    made._partitioner = DefaultPartitioner()
    made._closed = True  # there is nothing to warn of
    yield made


def place(made: PlacingProducer, key: bytes | None, partition: int | None = None) -> int:
    """The partition of one record."""
    return made._partition(TOPIC, partition, key, b"", key, b"")


def test_a_key_has_the_partition_that_the_client_itself_gives_it() -> None:
    """Also where it is asked for again, and where it is no text."""
    with producer() as made:
        for key in [*(f"order-{n}".encode() for n in range(200)), b"", b"\xff\xfe", "№7".encode()]:
            expected = AIOKafkaProducer._partition(made, TOPIC, None, key, b"", key, b"")
            assert [place(made, key), place(made, key)] == [expected] * 2
        assert place(made, b"order-7") == partition_of("order-7", PARTITIONS)


def test_a_topic_may_get_more_partitions() -> None:
    """What was said of a key counts for the number of partitions that it was said for."""
    with producer() as made:
        before = place(made, b"order-1")
        made._metadata._partitions[TOPIC] |= dict.fromkeys(range(PARTITIONS, 67), mock.Mock())
        assert (before, place(made, b"order-1")) == (
            partition_of("order-1", PARTITIONS),
            partition_of("order-1", 67),
        )


def test_a_partition_that_is_named_is_kept_and_one_that_is_not_there_is_refused() -> None:
    """An event goes to the partition that decided it."""
    with producer() as made:
        assert place(made, b"order-1", 63) == 63
        with pytest.raises(AssertionError):
            place(made, b"order-1", PARTITIONS)


def test_a_record_without_a_key_goes_anywhere() -> None:
    """No key keeps it with others."""
    with producer() as made:
        assert len({place(made, None) for _ in range(200)}) > 5


def test_what_is_remembered_of_keys_has_a_bound() -> None:
    """Keys come without end."""
    assert kafka._placed.cache_info().maxsize == 65_536
