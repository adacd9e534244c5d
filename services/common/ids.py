"""Derived ids: whoever makes a thing twice gives it the same id (RFC 9562, UUID version 5)."""

from uuid import UUID, uuid5

# uuid5(NAMESPACE_DNS, "orders.tiffin"), written out so that partners can use it from any language.
ORDER_NAMESPACE = UUID("32a2414e-13d5-5bf8-bbff-a40483e67779")
# uuid5(NAMESPACE_DNS, "derived.tiffin")
_DERIVED = UUID("8c5d18a3-14d8-505a-b0bb-cc2bef5379c3")


def order_id(partner: str, reference: str) -> str:
    """The id of the order that a partner calls `reference`."""
    return str(uuid5(ORDER_NAMESPACE, f"{partner}/{reference}"))


def delivery_id(order: str) -> str:
    """The id of the one delivery of an order."""
    return derive(order, "delivery")


def derive(parent: str, purpose: str) -> str:
    """The id of what is made from `parent` for `purpose`."""
    return str(uuid5(_DERIVED, f"{parent}/{purpose}"))
