"""The topics of a cluster become those of the catalogue, and a wrong one is told."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

import infra.topics
from infra.admin import open_admin
from infra.broker import BrokerError, LocalCluster
from infra.ports import free_ports
from infra.topics import create_topics, list_topics, main
from services.common.catalogue import TopicSpec, catalogue

pytestmark = [pytest.mark.timeout(120), pytest.mark.kafka]

LEARN_SECONDS_MAX = 30.0
POLL_SECONDS = 0.05


def _spec(name: str, retention_hours: int = 1) -> TopicSpec:
    return TopicSpec(
        name=name,
        owner="test",
        key="id",
        cleanup="delete",
        retention_hours=retention_hours,
        record_bytes_max=1000,
        append_time=True,
    )


def _use_catalogue(monkeypatch: pytest.MonkeyPatch, *topics: TopicSpec) -> None:
    monkeypatch.setattr(infra.topics, "catalogue", lambda: {topic.name: topic for topic in topics})


async def _settings(bootstrap: str, topic: str) -> dict[str, str]:
    async with open_admin(bootstrap) as admin:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic)
        (answer,) = await admin.describe_configs([asked])
    entries = answer.to_object()["resources"][0]["config_entries"]
    return {entry["config_names"]: entry["config_value"] for entry in entries}


async def _until_listed(bootstrap: str, topic: str) -> None:
    """A broker learns of a topic a little after whoever asked for it."""
    async with asyncio.timeout(LEARN_SECONDS_MAX):
        while not (await list_topics(bootstrap))[topic]:
            await asyncio.sleep(POLL_SECONDS)


async def _until_set(bootstrap: str, topic: str, expected: Mapping[str, str]) -> None:
    """A broker learns of settings a little after whoever asked for them."""
    until = time.monotonic() + LEARN_SECONDS_MAX
    while not (settings := await _settings(bootstrap, topic)).items() >= expected.items():
        assert time.monotonic() < until, settings
        await asyncio.sleep(POLL_SECONDS)


@pytest.mark.asyncio
async def test_every_topic_of_the_catalogue_exists_as_described(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions and settings are the catalogue's, and a second run changes nothing."""
    topics = [replace(topic, name=f"new.{topic.name}") for topic in catalogue().values()]
    _use_catalogue(monkeypatch, *topics)
    for _ in range(2):
        await create_topics(cluster.bootstrap)
        assert await list_topics(cluster.bootstrap) == {topic.name: 4 for topic in topics}
    for topic in topics:
        await _until_set(cluster.bootstrap, topic.name, topic.config())


@pytest.mark.asyncio
async def test_another_number_of_partitions_is_an_error_before_anything_changes(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the topic and both numbers; missing topics are not created."""
    _use_catalogue(monkeypatch, _spec("counted"))
    await create_topics(cluster.bootstrap, partitions=2)
    _use_catalogue(monkeypatch, _spec("counted"), _spec("uncounted"))
    with pytest.raises(BrokerError, match="topic counted has 2 partitions, not 3: use 2"):
        await create_topics(cluster.bootstrap, partitions=3)
    assert await list_topics(cluster.bootstrap) == {"counted": 2, "uncounted": 0}


@pytest.mark.asyncio
async def test_changed_settings_are_updated_and_others_stay(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new retention reaches an existing topic; what an operator set there survives."""
    async with open_admin(cluster.bootstrap) as admin:
        topic = NewTopic("changed", 1, 1, topic_configs={"segment.bytes": "2000000"})
        await admin.create_topics([topic])
    _use_catalogue(monkeypatch, _spec("changed", retention_hours=2))
    await _until_listed(cluster.bootstrap, "changed")
    await create_topics(cluster.bootstrap, partitions=1)
    expected = {
        "retention.ms": "7200000",
        "message.timestamp.type": "LogAppendTime",
        "segment.bytes": "2000000",
    }
    await _until_set(cluster.bootstrap, "changed", expected)


@pytest.mark.asyncio
async def test_more_copies_than_brokers_is_an_error(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the topic and gives the broker's reason."""
    _use_catalogue(monkeypatch, _spec("copied"))
    with pytest.raises(BrokerError, match=r"topic copied cannot be created: .*replicat"):
        await create_topics(cluster.bootstrap, replication=3)


def test_the_program_tells_errors_by_its_exit_code(
    cluster: LocalCluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """0 and a table when all is well; 1 and one line when it is not."""
    _use_catalogue(monkeypatch, _spec("shown"))
    assert main(["--bootstrap", cluster.bootstrap, "--list"]) == 0
    assert "missing" in capsys.readouterr().out
    assert main(["--bootstrap", cluster.bootstrap, "--partitions", "2"]) == 0
    assert "shown" in capsys.readouterr().out
    assert main(["--bootstrap", cluster.bootstrap, "--partitions", "3"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_no_broker_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the sentence is printed when nobody answers."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    assert main(["--bootstrap", address]) == 1
    assert capsys.readouterr().err == f"error: No broker answers at {address}.\n"
