"""The payment provider: charges and refunds once per idempotency key, with faults on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Annotated

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.faults import PaymentFaults, ServerFaultSwitch
from services.sandbox.ledger import Charge, ChargeContent, Ledger, RefundContent
from services.sandbox.settings import Settings
from services.sandbox.web import IdempotencyKey, create_web, json_answer, not_found

TOKEN_DECLINED = "tok_declined"
TOKEN_TIMEOUT_ONCE = "tok_timeout_once"
TOKEN_ERROR_ONCE = "tok_error_once"
TOKEN_SLOW = "tok_slow"
SLOW_SECONDS = 2.0

# The bound keeps sums of cents far inside SQLite's 64-bit integers.
Cents = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
Text = Annotated[str, Field(max_length=1000)]


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

    charge_idempotency_key: Annotated[str, Field(min_length=1, max_length=255)]
    amount_cents: Cents
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
    def decline_reason(token: str) -> str | None:
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
        charge = ledger.find_same_charge(key, content)
        is_new = charge is None
        if charge is None:
            charge = ledger.add_charge(key, content, decline_reason(token))
        await faults.hang_after_work(once=is_first_call and token == TOKEN_TIMEOUT_ONCE)
        return json_answer(charge.document(), _charge_status(charge, is_new))

    @app.get("/charges")
    async def get_charges(idempotency_key: str | None = None) -> Response:
        await faults.admit()
        if idempotency_key is None:
            return json_answer(ledger.list_charges())
        charge = ledger.find_charge(idempotency_key)
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
    @app.post("/refunds", status_code=201)
    async def post_refund(body: RefundRequest, key: IdempotencyKey) -> Response:
        await faults.admit()
        content = RefundContent(**body.model_dump())
        ledger.count_call("refund", key)
        faults.fail_before_work(once=False)
        refund = ledger.find_same_refund(key, content)
        is_new = refund is None
        if refund is None:
            refund = ledger.add_refund(key, content)
        await faults.hang_after_work(once=False)
        return json_answer(refund.document(), 201 if is_new else 200)

    @app.get("/refunds")
    async def get_refunds(idempotency_key: str | None = None) -> Response:
        await faults.admit()
        if idempotency_key is None:
            return json_answer(ledger.list_refunds())
        refund = ledger.find_refund(idempotency_key)
        if refund is None:
            raise not_found("refund", idempotency_key)
        return json_answer(refund.document())
