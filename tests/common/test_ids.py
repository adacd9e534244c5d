"""Ids are the same for whoever derives them, today and in any later release."""

from uuid import NAMESPACE_DNS, UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from services.common import ids
from tests.given import deterministic

TEXTS = st.text(min_size=1, max_size=20)


def test_an_order_id_is_what_any_language_derives_from_the_documented_namespace() -> None:
    """RFC 9562, version 5, over `<partner>/<reference>` in UTF-8."""
    namespace = uuid5(NAMESPACE_DNS, "orders.tiffin")
    assert namespace == ids.ORDER_NAMESPACE == UUID("32a2414e-13d5-5bf8-bbff-a40483e67779")
    assert ids.order_id("acme", "A-1001") == str(uuid5(namespace, "acme/A-1001"))
    assert UUID(ids.order_id("acme", "A-1001")).version == 5


def test_these_ids_never_change() -> None:
    """Frozen: another value here would make a second order, charge or ticket of an old one."""
    order = ids.order_id("acme", "A-1001")
    assert order == "4f8b3752-e956-5646-99fb-a5324b8b9c4d"
    assert ids.order_id("acme", "Bestellung №7 🍜") == "fcf8f195-b89b-58a9-bae3-64879a635d4f"
    assert ids.delivery_id(order) == "e2ca4831-aa3a-560f-b7d1-8ca675360c94"
    assert ids.derive(order, "charge") == "33b486ea-1624-570e-aeab-ae3f5ea124c8"


@deterministic
@given(parent=TEXTS, purpose=TEXTS, other=TEXTS)
def test_what_is_made_for_another_purpose_has_another_id(
    parent: str, purpose: str, other: str
) -> None:
    derived = UUID("8c5d18a3-14d8-505a-b0bb-cc2bef5379c3")
    assert ids.derive(parent, purpose) == str(uuid5(derived, f"{parent}/{purpose}"))
    assert (ids.derive(parent, purpose) == ids.derive(parent, other)) == (purpose == other)
    assert ids.derive(parent, purpose) != ids.order_id(parent, purpose)


@deterministic
@given(
    partner=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True),
    other=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True),
    reference=TEXTS,
    other_reference=TEXTS,
)
def test_two_partners_never_share_an_order(
    partner: str, other: str, reference: str, other_reference: str
) -> None:
    """A partner's name holds no slash, so no reference can reach into another partner's orders."""
    is_same = (partner, reference) == (other, other_reference)
    same_id = ids.order_id(partner, reference) == ids.order_id(other, other_reference)
    assert same_id == is_same
