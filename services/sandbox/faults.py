"""Faults that tests and people switch on and off while a program runs."""

import asyncio
from random import Random
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.problem import ProblemError

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=3600)]
RefusalReason = Literal["closed", "too_busy", "item_unavailable", "price_mismatch", "other"]


class PhoneFaults(BaseModel):
    """Faults of the phones, their drivers and the customers at the door.

    reject_share, ignore_offers_share: of the offers; give_up_share: of the deliveries before their
    pickup; unreachable_share: of the customers; wrong_code_share: of the codes at the door, for
    which `wrong_codes` wrong ones are named first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    vanish: list[str] = []
    network_loss_share: Share = 0
    offline_seconds: Seconds = 10
    pause_all: bool = False
    duplicate_locations: bool = False
    reject_share: Share = 0
    ignore_offers_share: Share = 0
    give_up_share: Share = 0
    unreachable_share: Share = 0
    wrong_code_share: Share = 0
    wrong_codes: Annotated[int, Field(ge=1, le=20)] = 1


class ServerFaults(BaseModel):
    """Faults that both HTTP servers have."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    down: bool = False
    delay_seconds: Seconds = 0
    error_share: Share = 0
    timeout_share: Share = 0
    timeout_seconds: Seconds = 30


class PaymentFaults(ServerFaults):
    """Faults of the payment provider."""

    decline_share: Share = 0
    refund_refuse_share: Share = 0


class PosFaults(ServerFaults):
    """Faults of the restaurant POS; what concerns the callbacks is fixed when a ticket is taken.

    ask_share: of the tickets, those that somebody in the restaurant has to answer first;
    refuse_later_share: those that are refused after accept_delay_seconds; undo_share: of these,
    the ones whose refusal is taken back once that time has passed again; ready_change_share: those
    that are ready later than was said first.
    """

    refuse_share: Share = 0
    refuse_reason: RefusalReason = "too_busy"
    callback_copies: Annotated[int, Field(ge=0, le=10)] = 1
    callback_delay_seconds: Seconds = 0
    ask_share: Share = 0
    refuse_later_share: Share = 0
    undo_share: Share = 0
    ready_change_share: Share = 0
    accept_delay_seconds: Seconds = 1


FaultsT = TypeVar("FaultsT", bound=BaseModel)
ServerFaultsT = TypeVar("ServerFaultsT", bound=ServerFaults)


class FaultSwitch(Generic[FaultsT]):
    """Holds the faults that are on, and rolls the dice for those that strike a share of calls."""

    def __init__(self, faults: FaultsT, random: Random) -> None:
        self.current = faults
        self._random = random

    def strikes(self, share: float) -> bool:
        """Rolls whether a fault that hits this share of calls hits this one."""
        return self._random.random() < share


class ServerFaultSwitch(FaultSwitch[ServerFaultsT]):
    """The switch of an HTTP server: lets a call in, fails it before or hangs it after the work."""

    async def admit(self) -> None:
        """Delays the call, then refuses it with 503 while the server is down."""
        await asyncio.sleep(self.current.delay_seconds)
        if self.current.down:
            raise ProblemError(503, "down", "The server is down.")

    def fail_before_work(self, once: bool) -> None:
        """Refuses the call with 503 when it should fail once or the dice say so."""
        if once or self.strikes(self.current.error_share):
            raise ProblemError(503, "error", "Something failed before the work was done.")

    async def hang_after_work(self, once: bool) -> None:
        """Keeps the caller waiting, then answers 504, when once or the dice say so."""
        if once or self.strikes(self.current.timeout_share):
            await asyncio.sleep(self.current.timeout_seconds)
            raise ProblemError(504, "timeout", "The work was done, but the answer came too late.")
