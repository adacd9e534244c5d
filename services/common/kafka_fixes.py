"""What aiokafka 0.14 gets wrong in a way that could lose or double work, put right.

Its coordinator overlooks the error of a whole answer to OffsetFetch (version 2 and later): while a
broker that has just become the coordinator loads the group, "I do not know yet" is taken for
"nothing was ever committed", and the consumer begins at the first record of the log.
"""

from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError, NoError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest

_send = GroupCoordinator._send_req


def install() -> None:
    """Puts it right for all consumers of this process; a second time changes nothing."""
    GroupCoordinator._send_req = _send_and_look


async def _send_and_look(coordinator: GroupCoordinator, request: Any) -> Any:
    """The answer of the coordinator; an OffsetFetch that has an error as a whole raises it.

    Raises:
        KafkaError: as the broker says; the coordinator asks again where that helps.
    """
    answer = await _send(coordinator, request)
    if not isinstance(request, OffsetFetchRequest):
        return answer
    kind = for_code(getattr(answer, "error_code", 0))
    if kind is NoError:
        return answer
    if kind is NotCoordinatorForGroupError:
        coordinator.coordinator_dead()
    error: KafkaError = kind()
    raise error
