"""What was appended counts once the log has said so, for each record."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaError

from services.common.log import Ack, all_acknowledged


def acks(count: int) -> list[Ack]:
    """Records on their way to the log."""
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


async def test_all_are_waited_for_in_whatever_order_they_come() -> None:
    """The last one that comes ends it."""
    first, second, third = waiting = acks(3)
    done = asyncio.create_task(all_acknowledged(waiting, 5))
    for ack in (second, third, first):
        await asyncio.sleep(0)
        assert not done.done()
        ack.set_result(SimpleNamespace(offset=0))
    await done


async def test_one_that_was_not_taken_is_told_of_though_later_ones_were() -> None:
    """No record counts as acknowledged for those around it."""
    first, second, third = waiting = acks(3)
    first.set_result(SimpleNamespace(offset=0))
    second.set_exception(KafkaError("lost"))
    third.set_result(SimpleNamespace(offset=2))
    with pytest.raises(KafkaError, match="lost"):
        await all_acknowledged(waiting, 5)


async def test_the_time_is_for_all_of_them_together() -> None:
    """One after the other would else take as long each; none is cancelled by who waits."""
    waiting = acks(3)
    loop = asyncio.get_running_loop()
    loop.call_later(0.15, waiting[0].set_result, SimpleNamespace(offset=0))
    began_at = loop.time()
    with pytest.raises(TimeoutError, match=r"2 of 3 after 0\.2 s"):
        await all_acknowledged(waiting, 0.2)
    assert loop.time() - began_at < 0.34
    assert [ack.cancelled() for ack in waiting] == [False] * 3


async def test_others_may_forget_records_meanwhile() -> None:
    """What is waited for is what there was at the beginning."""
    waiting = acks(2)
    unsettled = set(waiting)
    done = asyncio.create_task(all_acknowledged(unsettled, 5))
    await asyncio.sleep(0)
    unsettled.clear()
    for ack in waiting:
        assert not done.done()
        ack.set_result(SimpleNamespace(offset=0))
        await asyncio.sleep(0)
    await done
    assert not unsettled
