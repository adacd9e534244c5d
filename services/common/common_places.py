"""What several lists of one table have in common, found without reading them whole.

Lists are sorted alike. Each is asked for its first place that is not before the one that another
stands at, until all stand at the same: leapfrog join (Veldhuizen, ICDT 2014, section 3.1). It takes
about as many steps as the shortest list has places.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any


def common_places(
    cursor: Callable[[], Any], prefixes: Sequence[bytes], start: bytes
) -> Iterator[bytes]:
    """The rests of keys that lie behind every one of the prefixes, in order, from `start` on.

    Args:
        cursor: makes a cursor over all keys of a store.
    """
    lists = cycle([(prefix, cursor()) for prefix in prefixes])
    wanted, agreed = start, 0
    for prefix, keys in lists:
        keys.seek(prefix + wanted)
        found = keys.key() if keys.valid() else b""
        if not found.startswith(prefix):
            return
        place = found[len(prefix) :]
        agreed = agreed + 1 if place == wanted else 1
        wanted = place
        if agreed == len(prefixes):
            yield place
            wanted, agreed = place + b"\0", 0
