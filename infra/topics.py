"""Creates the topics of the catalogue and checks those that exist.

As a program: python -m infra.topics --bootstrap 127.0.0.1:9092 (--help shows the options).
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from rich.console import Console
from rich.table import Table

from infra.admin import NO_LEADER, broker_ids, open_admin, partitions_seen_by
from infra.errors import BrokerError
from services.common.catalogue import TopicSpec, catalogue

BOOTSTRAP_DEFAULT = "127.0.0.1:9092"
PARTITIONS_DEFAULT = 4
REPLICATION_DEFAULT = 1
LEADERS_SECONDS_MAX = 30
RETRY_SECONDS = 0.05
# How the protocol marks a setting that was made for this topic alone.
SOURCE_TOPIC = 1


async def create_topics(
    bootstrap: str,
    partitions: int = PARTITIONS_DEFAULT,
    replication: int = REPLICATION_DEFAULT,
) -> None:
    """Make the cluster's topics those of the catalogue; repeating it changes nothing.

    Topics that exist get the catalogue's settings; other settings of theirs stay. Every broker
    knows a leader of every partition when this returns.

    Args:
        bootstrap: one or more "host:port", separated by commas.
        partitions: of every topic, the same for all so that keys are co-partitioned.
        replication: copies of each record, at most as many as there are brokers.

    Raises:
        BrokerError: no broker answers, a topic cannot be created, or one exists with another
            number of partitions.
    """
    async with open_admin(bootstrap) as admin:
        existing = await _check_existing(admin, partitions)
        await _create_missing(admin, existing, partitions, replication)
        await _update_settings(admin, existing)
        await _wait_for_leaders(admin, partitions)


async def list_topics(bootstrap: str) -> dict[str, int]:
    """The number of partitions of every topic of the catalogue; 0 where it does not exist.

    Raises:
        BrokerError: no broker answers.
    """
    async with open_admin(bootstrap) as admin:
        return await _partition_counts(admin)


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    counts = dict.fromkeys(catalogue(), 0)
    broker = min(await broker_ids(admin))
    for partition in await partitions_seen_by(admin, broker, list(counts)):
        counts[partition.topic] += 1
    return counts


async def _check_existing(admin: AIOKafkaAdminClient, partitions: int) -> list[TopicSpec]:
    """The topics that exist, all with the wanted number of partitions."""
    counts = {name: count for name, count in (await _partition_counts(admin)).items() if count}
    for name, count in counts.items():
        if count != partitions:
            raise BrokerError(
                f"The topic {name} has {count} partitions, not {partitions}: use {count}, or an "
                "empty cluster, because another number moves keys away from their records."
            )
    return [catalogue()[name] for name in counts]


async def _create_missing(
    admin: AIOKafkaAdminClient, existing: Sequence[TopicSpec], partitions: int, replication: int
) -> None:
    missing = [
        NewTopic(topic.name, partitions, replication, topic_configs=topic.config())
        for topic in catalogue().values()
        if topic not in existing
    ]
    if not missing:
        return
    answer = (await admin.create_topics(missing)).to_object()
    for result in answer["topic_errors"]:
        # Another run may create the same topics at this moment, from the same catalogue.
        if result["error_code"] not in (0, TopicAlreadyExistsError.errno):
            reason = result["error_message"] or for_code(result["error_code"]).__name__
            raise BrokerError(
                f"The topic {result['topic']} cannot be created: {reason.rstrip('.')}."
            )


async def _update_settings(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec]) -> None:
    current = await _settings(admin, topics)
    changes = [
        # The request replaces all of a topic's own settings, so it must name the others as well.
        ConfigResource(ConfigResourceType.TOPIC, topic.name, current[topic.name] | topic.config())
        for topic in topics
        if not current[topic.name].items() >= topic.config().items()
    ]
    if not changes:
        return
    for answer in await admin.alter_configs(changes):
        for result in answer.to_object()["resources"]:
            if result["error_code"]:
                raise BrokerError(
                    f"The settings of topic {result['resource_name']} cannot be changed: "
                    f"{result['error_message']}."
                )


async def _settings(
    admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec]
) -> dict[str, dict[str, str]]:
    """The settings that were made for each topic alone."""
    if not topics:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    return {
        resource["resource_name"]: {
            entry["config_names"]: entry["config_value"]
            for entry in resource["config_entries"]
            if entry["config_source"] == SOURCE_TOPIC
        }
        for answer in await admin.describe_configs(asked)
        for resource in answer.to_object()["resources"]
    }


async def _wait_for_leaders(admin: AIOKafkaAdminClient, partitions: int) -> None:
    wanted = partitions * len(catalogue())
    try:
        async with asyncio.timeout(LEADERS_SECONDS_MAX):
            for broker in await broker_ids(admin):
                while await _led_partitions(admin, broker) < wanted:
                    await asyncio.sleep(RETRY_SECONDS)
    except TimeoutError as error:
        raise BrokerError(
            f"Some partition had no leader {LEADERS_SECONDS_MAX} s after the topics were created."
        ) from error


async def _led_partitions(admin: AIOKafkaAdminClient, broker: int) -> int:
    seen = await partitions_seen_by(admin, broker, list(catalogue()))
    return sum(partition.leader != NO_LEADER for partition in seen)


def _print_topics(counts: dict[str, int]) -> None:
    table = Table("topic", "partitions", "owner", "key", "kept for", box=None)
    for topic in catalogue().values():
        shown = str(counts[topic.name] or "missing")
        table.add_row(topic.name, shown, topic.owner, topic.key, f"{topic.retention_hours} h")
    Console().print(table)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.topics", description=__doc__)
    parser.add_argument("--bootstrap", default=BOOTSTRAP_DEFAULT, help="host:port[,host:port]")
    parser.add_argument("--partitions", type=int, default=PARTITIONS_DEFAULT)
    parser.add_argument("--replication", type=int, default=REPLICATION_DEFAULT)
    parser.add_argument("--list", action="store_true", help="show the topics, change nothing")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    arguments = _arguments(words)
    try:
        if not arguments.list:
            partitions, replication = arguments.partitions, arguments.replication
            asyncio.run(create_topics(arguments.bootstrap, partitions, replication))
        _print_topics(asyncio.run(list_topics(arguments.bootstrap)))
    except BrokerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
