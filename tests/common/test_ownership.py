"""Who owns what is known at once, also while Kafka does not answer."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaConnectionError

from services.common.ownership import Ownership

TOPIC = "tally.commands"


class Admin:
    """Describes a group with one member per URL; may be silent, or away."""

    def __init__(self) -> None:
        self.owned: dict[str, list[int]] = {"http://a": [0, 1], "http://b": [2]}
        self.calls = 0
        self.speaks = asyncio.Event()
        self.speaks.set()
        self.error: Exception | None = None
        self.code = 0

    async def describe_consumer_groups(self, groups: list[str]) -> list[Any]:
        """The group as the broker tells it."""
        self.calls += 1
        await self.speaks.wait()
        if self.error is not None:
            raise self.error
        members = [
            (
                "id",
                url,
                "",
                b"",
                ConsumerProtocolMemberAssignment(0, [(TOPIC, parts)], b"").encode(),
            )
            for url, parts in self.owned.items()
        ]
        return [SimpleNamespace(groups=[(self.code, groups[0], "", "", "", members)])]


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    """A broker that answers, whose answers are old at once."""
    monkeypatch.setattr("services.common.ownership.FRESH_SECONDS", -1.0)
    monkeypatch.setattr("services.common.ownership.READ_SECONDS_MAX", 0.01)
    return Admin()


def ownership(admin: Admin) -> Ownership:
    """What this broker says."""
    return Ownership(admin, "tally", TOPIC)


async def test_the_owners_are_those_of_the_group(admin: Admin) -> None:
    """By partition; a later assignment takes the place of an earlier one."""
    known = ownership(admin)
    assert await known.owners() == {0: "http://a", 1: "http://a", 2: "http://b"}
    admin.owned = {"http://b": [0]}
    assert await known.owners() == {0: "http://b"}


async def test_a_silent_broker_is_asked_once_and_not_waited_for(admin: Admin) -> None:
    """The owners are those that were known; when it speaks again, its word counts."""
    known = ownership(admin)
    before = await known.owners()
    admin.speaks.clear()
    admin.owned = {"http://b": [0]}
    async with asyncio.timeout(5):
        for _ in range(1_000):
            assert await known.owners() == before
    assert admin.calls == 2
    admin.speaks.set()
    async with asyncio.timeout(5):
        while await known.owners() == before:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("is_silent", [True, False])
async def test_an_outage_in_a_rebalance_leaves_each_partition_its_last_owner(
    admin: Admin, is_silent: bool
) -> None:
    """While the group is between two assignments nobody owns anything, and Kafka says so."""
    known = ownership(admin)
    before = await known.owners()
    admin.owned = {"http://b": [0]}
    assert await known.owners() == {0: "http://b"}
    if is_silent:
        admin.speaks.clear()
    else:
        admin.error = KafkaConnectionError()
    assert await known.owners() == {**before, 0: "http://b"}


async def test_a_broker_that_is_away_leaves_what_was_known(admin: Admin) -> None:
    """And is asked again."""
    known = ownership(admin)
    before = await known.owners()
    admin.error = KafkaConnectionError()
    assert await known.owners() == before
    admin.error = None
    admin.code, admin.owned = GroupCoordinatorNotAvailableError.errno, {}
    assert await known.owners() == before
    admin.code = 0
    admin.owned = {"http://b": [0]}
    assert await known.owners() == {0: "http://b"}
