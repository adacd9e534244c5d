"""The payment provider in memory: charges, refunds and voids, each made once by key."""

from collections.abc import Callable
from random import Random
from typing import Any

from infra.simulation.ledger import Deed, Ledger


class PaymentProvider:
    """Declines, refuses and voids as services/sandbox does.

    Args:
        refuse_share: how many of the refunds are refused for good, as it is at the time.
    """

    def __init__(self, random: Random, refuse_share: Callable[[], float]) -> None:
        self.charges = Ledger()
        self.refunds = Ledger()
        self.voids = Ledger()
        self._random = random
        self._refuse_share = refuse_share
        self._voided: set[str] = set()

    def charge(self, key: str, content: dict[str, Any]) -> Deed:
        """Charges, unless the card is declined or the charge was voided before it came."""
        name = f"charge_{len(self.charges.deeds) + 1}"
        reason = "voided" if key in self._voided else None
        if content["payment_token"] == "tok_declined":
            reason = "card_declined"
        if reason is not None:
            document = {"id": name, "status": "declined", "decline_reason": reason}
            return Deed(key, content, 402, document)
        return Deed(key, content, 201, {"id": name, "status": "succeeded"})

    def refund(self, key: str, content: dict[str, Any]) -> Deed:
        """Gives back what is asked, or refuses for good."""
        if self._random.random() < self._refuse_share():
            document = {"status": "refused", "reason": "card_closed"}
            return Deed(key, content, 422, document)
        name = f"refund_{len(self.refunds.deeds) + 1}"
        return Deed(key, content, 201, {"id": name, "status": "succeeded"})

    def void(self, key: str, content: dict[str, Any]) -> Deed:
        """Gives back what is left of a charge, or sees to it that it is never made."""
        charge_key = content["charge_idempotency_key"]
        self._voided.add(charge_key)
        charge = self.charges.deeds.get(charge_key)
        if charge is None or charge.status != 201:
            document = {"status": "voided", "charge_id": None, "refund_id": None}
            return Deed(key, content, 201, {"id": f"void_{key[:8]}", **document})
        left = charge.content["amount_cents"] - self.given_back(charge_key)
        refund = Deed(
            key,
            {"charge_idempotency_key": charge_key, "amount_cents": left},
            201,
            {"id": f"refund_{len(self.refunds.deeds) + 1}", "status": "succeeded"},
        )
        self.refunds.deeds[key] = refund
        document = {
            "status": "refunded",
            "charge_id": charge.document["id"],
            "refund_id": refund.document["id"],
        }
        return Deed(key, content, 201, {"id": f"void_{key[:8]}", **document})

    def given_back(self, charge_key: str) -> int:
        """The cents of a charge that were given back."""
        return sum(
            deed.content["amount_cents"]
            for deed in self.refunds.deeds.values()
            if deed.status == 201 and deed.content["charge_idempotency_key"] == charge_key
        )
