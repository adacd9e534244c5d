"""The payment provider: charges, refunds and voids once per idempotency key, with faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Annotated

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.charges import Charge, ChargeContent
from services.sandbox.faults import PaymentFaults, ServerFaultSwitch
from services.sandbox.ledger import Ledger
from services.sandbox.problem import ProblemError
from services.sandbox.refunds import Refund, RefundContent, RefundStatus
from services.sandbox.settings import Settings
from services.sandbox.voids import VoidContent
from services.sandbox.web import IdempotencyKey, create_web, json_answer, not_found

TOKEN_DECLINED = "tok_declined"
TOKEN_TIMEOUT_ONCE = "tok_timeout_once"
TOKEN_ERROR_ONCE = "tok_error_once"
TOKEN_SLOW = "tok_slow"
TOKEN_REFUND_REFUSED = "tok_refund_refused"
SLOW_SECONDS = 2.0
REFUND_REFUSAL_REASON = "card_closed"

# The bound keeps sums of cents far inside SQLite's 64-bit integers.
Cents = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
Text = Annotated[str, Field(max_length=1000)]
Key = Annotated[str, Field(min_length=1, max_length=255)]


class ChargeRequest(BaseModel):
    """The body of POST /charges."""

    model_config = ConfigDict(strict=True)

    amount_cents: Cents
    currency: Annotated[str, Field(pattern="^[A-Za-z]{3}$")]
    payment_token: Annotated[str, Field(min_length=1, max_length=255)]
    description: Text


class RefundRequest(BaseModel):
    """The body of POST /refunds."""

    model_config = ConfigDict(strict=True)

    charge_idempotency_key: Key
    amount_cents: Cents
    reason: Text


class VoidRequest(BaseModel):
    """The body of POST /voids."""

    model_config = ConfigDict(strict=True)

    charge_idempotency_key: Key
    reason: Text


def create_payment_provider(settings: Settings, random: Random) -> FastAPI:
    """The payment provider's app.

    Args:
        random: decides which calls the share faults strike.

    Raises:
        ValueError: the faults in the settings are not valid.
        OSError, sqlite3.OperationalError: the ledger cannot be opened.
    """
    faults = ServerFaultSwitch(PaymentFaults.model_validate_json(settings.payments_faults), random)
    ledger = Ledger(settings.data_directory)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        ledger.close()

    app = create_web("Sandbox payment provider", lifespan)
    _add_fault_routes(app, faults)
    _add_charge_routes(app, ledger, faults)
    _add_refund_routes(app, ledger, faults)
    _add_void_routes(app, ledger, faults)
    return app


def _add_fault_routes(app: FastAPI, faults: ServerFaultSwitch[PaymentFaults]) -> None:
    @app.get("/faults")
    async def get_faults() -> PaymentFaults:
        return faults.current

    @app.put("/faults")
    async def put_faults(body: PaymentFaults) -> PaymentFaults:
        faults.current = body
        return body


def _add_charge_routes(
    app: FastAPI, ledger: Ledger, faults: ServerFaultSwitch[PaymentFaults]
) -> None:
    def decline_reason(key: str, token: str) -> str | None:
        if ledger.voids.forbids(key):
            return "voided"
        if token == TOKEN_DECLINED:
            return "card_declined"
        return "insufficient_funds" if faults.strikes(faults.current.decline_share) else None

    @app.post("/charges", status_code=201)
    async def post_charge(body: ChargeRequest, key: IdempotencyKey) -> Response:
        await faults.admit()
        content = ChargeContent(**body.model_dump())
        token = content.payment_token
        is_first_call = ledger.count_call("charge", key) == 1
        if token == TOKEN_SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        faults.fail_before_work(once=is_first_call and token == TOKEN_ERROR_ONCE)
        charge = ledger.charges.find_same(key, content)
        is_new = charge is None
        if charge is None:
            charge = ledger.charges.add(key, content, decline_reason(key, token))
        await faults.hang_after_work(once=is_first_call and token == TOKEN_TIMEOUT_ONCE)
        return json_answer(charge.document(), _charge_status(charge, is_new))

    @app.get("/charges")
    async def get_charges(idempotency_key: str | None = None) -> Response:
        await faults.admit()
        if idempotency_key is None:
            return json_answer(ledger.charges.list_all())
        charge = ledger.charges.find(idempotency_key)
        if charge is None:
            raise not_found("charge", idempotency_key)
        return json_answer(charge.document())


def _charge_status(charge: Charge, is_new: bool) -> int:
    if charge.decline_reason:
        return 402
    return 201 if is_new else 200


def _add_refund_routes(
    app: FastAPI, ledger: Ledger, faults: ServerFaultSwitch[PaymentFaults]
) -> None:
    def make(key: str, content: RefundContent) -> Refund:
        token = ledger.refunds.check(content).content.payment_token
        is_refused = faults.strikes(faults.current.refund_refuse_share)
        # A caller's second attempt has another key, and is known by what it asks for.
        if token == TOKEN_REFUND_REFUSED and not ledger.refunds.was_refused(content):
            is_refused = True
        return ledger.refunds.add(key, content, REFUND_REFUSAL_REASON if is_refused else None)

    @app.post("/refunds", status_code=201)
    async def post_refund(body: RefundRequest, key: IdempotencyKey) -> Response:
        await faults.admit()
        content = RefundContent(**body.model_dump())
        ledger.count_call("refund", key)
        faults.fail_before_work(once=False)
        refund = ledger.refunds.find_same(key, content)
        is_new = refund is None
        if refund is None:
            refund = make(key, content)
        await faults.hang_after_work(once=False)
        if refund.refusal_reason:
            detail = f"The refund is refused for good: {refund.refusal_reason}."
            raise ProblemError(422, "refund-refused", detail, reason=refund.refusal_reason)
        return json_answer(refund.document(), 201 if is_new else 200)

    @app.get("/refunds")
    async def get_refunds(
        idempotency_key: str | None = None, status: RefundStatus = "succeeded"
    ) -> Response:
        await faults.admit()
        if idempotency_key is None:
            return json_answer(ledger.refunds.list_all(status))
        refund = ledger.refunds.find(idempotency_key)
        if refund is None:
            raise not_found("refund", idempotency_key)
        return json_answer(refund.document())


def _add_void_routes(
    app: FastAPI, ledger: Ledger, faults: ServerFaultSwitch[PaymentFaults]
) -> None:
    @app.post("/voids", status_code=201)
    async def post_void(body: VoidRequest, key: IdempotencyKey) -> Response:
        await faults.admit()
        content = VoidContent(**body.model_dump())
        ledger.count_call("void", key)
        faults.fail_before_work(once=False)
        void = ledger.voids.find_same(key, content)
        is_new = void is None
        if void is None:
            void = ledger.voids.add(key, content)
        await faults.hang_after_work(once=False)
        return json_answer(void.document(), 201 if is_new else 200)

    @app.get("/voids")
    async def get_voids(idempotency_key: str | None = None) -> Response:
        await faults.admit()
        if idempotency_key is None:
            return json_answer(ledger.voids.list_all())
        void = ledger.voids.find(idempotency_key)
        if void is None:
            raise not_found("void", idempotency_key)
        return json_answer(void.document())
