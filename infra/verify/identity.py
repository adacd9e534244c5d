"""Derived ids and the partition of a key, written anew from their public definitions.

Ids are UUIDs of version 5 (RFC 9562, section 5.5). The hash of keys is MurmurHash2 (Appleby, 2008)
with the seed of Kafka's Java client.
"""

from functools import lru_cache
from uuid import NAMESPACE_DNS, uuid5

KEYS_REMEMBERED_MAX = 1 << 18

_ORDERS = uuid5(NAMESPACE_DNS, "orders.tiffin")
_DERIVED = uuid5(NAMESPACE_DNS, "derived.tiffin")
_SEED = 0x9747B28C
_FACTOR = 0x5BD1E995
_BITS_32 = 0xFFFFFFFF
_BITS_31 = 0x7FFFFFFF


def order_id_of(partner: str, reference: str) -> str:
    """The id of the order that a partner calls `reference`."""
    return str(uuid5(_ORDERS, f"{partner}/{reference}"))


def derived(parent: str, purpose: str) -> str:
    """The id of what is made from `parent` for `purpose`."""
    return str(uuid5(_DERIVED, f"{parent}/{purpose}"))


def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's Java client puts the key by default."""
    return (_murmur2(key) & _BITS_31) % partitions


@lru_cache(KEYS_REMEMBERED_MAX)
def _murmur2(data: bytes) -> int:
    whole = len(data) - len(data) % 4
    mixed = _SEED ^ len(data)
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _FACTOR & _BITS_32
        word = (word ^ word >> 24) * _FACTOR & _BITS_32
        mixed = (mixed * _FACTOR & _BITS_32) ^ word
    if whole < len(data):
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _FACTOR & _BITS_32
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _BITS_32
    return mixed ^ mixed >> 15
