"""Derived ids: whoever makes a thing twice gives it the same id (RFC 9562, UUID version 5)."""

from functools import lru_cache
from hashlib import sha1
from uuid import UUID

# uuid5(NAMESPACE_DNS, "orders.tiffin"), written out so that partners can use it from any language.
ORDER_NAMESPACE = UUID("32a2414e-13d5-5bf8-bbff-a40483e67779")
# uuid5(NAMESPACE_DNS, "derived.tiffin")
_DERIVED = UUID("8c5d18a3-14d8-505a-b0bb-cc2bef5379c3").bytes
_ORDER = ORDER_NAMESPACE.bytes

# The two highest bits of this digit are set to 10.
_VARIANTS = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}


@lru_cache(maxsize=10_000)
def order_id(partner: str, reference: str) -> str:
    """The id of the order that a partner calls `reference`."""
    return _uuid5(_ORDER, f"{partner}/{reference}")


def delivery_id(order: str) -> str:
    """The id of the one delivery of an order."""
    return derive(order, "delivery")


def derive(parent: str, purpose: str) -> str:
    """The id of what is made from `parent` for `purpose`."""
    return _uuid5(_DERIVED, f"{parent}/{purpose}")


def _uuid5(namespace: bytes, name: str) -> str:
    """The standard library's, without a UUID on the way to the text: every record has such ids."""
    made = sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANTS[made[16]]
    return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{variant}{made[17:20]}-{made[20:32]}"
