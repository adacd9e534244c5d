"""What aiokafka 0.14 gets wrong in a way that could lose or double work, or stop it, put right.

Its coordinator overlooks the error of a whole answer to OffsetFetch (version 2 and later): while a
broker that has just become the coordinator loads the group, "I do not know yet" is taken for
"nothing was ever committed", and the consumer begins at the first record of the log.

It also takes the answer of a coordinator in trouble to a JoinGroup or SyncGroup, such as "unknown
server error" when its log has too few replicas, for the end of the member, which would be out of
its group until it is started again. Such an answer is a lost one: the member joins again.

And it knows how asyncio tells that a connection was closed while it writes, but not how uvloop
does: that would end the member as well.
"""

import asyncio
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    GroupLoadInProgressError,
    KafkaConnectionError,
    KafkaError,
    NoError,
    NotCoordinatorForGroupError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    RequestTimedOutError,
    UnknownError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

# What a coordinator answers to who wants to join while it is in trouble; it passes.
IN_TROUBLE = (
    GroupLoadInProgressError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    RequestTimedOutError,
    UnknownError,
)

_send = GroupCoordinator._send_req
_write = AIOKafkaConnection.send


def install() -> None:
    """Puts it right for all consumers of this process; a second time changes nothing."""
    GroupCoordinator._send_req = _send_and_look
    AIOKafkaConnection.send = _write_or_close


async def _send_and_look(coordinator: GroupCoordinator, request: Any) -> Any:
    """The answer of the coordinator; one that has an error as a whole, and looks like none, raises.

    Raises:
        KafkaError: as the broker says; the coordinator asks again where that helps.
    """
    answer = await _send(coordinator, request)
    kind = for_code(getattr(answer, "error_code", 0))
    if kind is NoError:
        return answer
    if isinstance(request, OffsetFetchRequest):
        if kind is NotCoordinatorForGroupError:
            coordinator.coordinator_dead()
    elif isinstance(request, JoinGroupRequest | SyncGroupRequest) and kind in IN_TROUBLE:
        # Whoever coordinates the group is looked for anew, in case it is another broker now.
        coordinator.coordinator_dead()
        await asyncio.sleep(coordinator._retry_backoff_ms / 1000)
    else:
        return answer
    error: KafkaError = kind()
    raise error


def _write_or_close(connection: AIOKafkaConnection, *request: Any, **options: Any) -> Any:
    """The future answer to a request.

    Raises:
        KafkaConnectionError: the connection is closed.
    """
    try:
        return _write(connection, *request, **options)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"the connection is closed: {error}") from error
