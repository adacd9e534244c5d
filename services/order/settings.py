"""Settings of the order service; the only reader of its environment."""

from dataclasses import dataclass, fields

from services.common.messages.order import PREPARATION_SECONDS_MAX
from services.common.messages.restaurant import ACCEPT_SECONDS_MAX
from services.common.settings import PREFIX, CommonSettings, SettingsError
from services.order.domain import Policy

# Beyond these an instant that is reckoned from an order's could be none of the calendar's.
LIMIT_SECONDS_MAX = 366 * 86_400
# What holds for all restaurants is no more than what one may say of itself.
LONGEST_SECONDS = {
    "preparation_seconds": PREPARATION_SECONDS_MAX,
    "accept_seconds_max": ACCEPT_SECONDS_MAX,
}
DRIVER_SPEED_MPS_MIN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """Where the outside world is, and the limits of an order's life.

    callback_url: where a point of sale reports; the order's path is added.
    preparation_seconds, accept_seconds_max: how long a restaurant cooks, and may take to answer,
        where it has not said otherwise.
    lateness_seconds_max: a preparation that would start later than this ends the order.
    refusal_grace_seconds: how long a restaurant may take a refusal back, `undo_max` times.
    driver_speed_mps: along the great circle, for the first guess of the arrival.
    code_secret: what drivers' codes derive from; set your own, or everybody knows all codes.
    snapshot_hours: how often a restaurant is written to the log whole; well below its retention.

    After the others an order is flagged for operators: since it was taken in, not paid; since its
    time, not started; since the ready time that the restaurant says, not ready; since the
    restaurant has accepted, whatever it says; since it is ready, without a driver; since a driver
    comes, not picked up; since then, not delivered; and money that is not given back, or a ticket
    that is not cancelled.
    """

    port: int = 8001
    payment_url: str = "http://127.0.0.1:9001"
    pos_url: str = "http://127.0.0.1:9002"
    callback_url: str = "http://127.0.0.1:8001"

    preparation_seconds: int = 900
    accept_seconds_max: int = 690
    lateness_seconds_max: float = 1800.0
    refusal_grace_seconds: float = 30.0
    undo_max: int = 3
    driver_speed_mps: float = 8.3
    code_secret: str = "tiffin"
    snapshot_hours: float = 24.0

    payment_seconds_max: float = 900.0
    start_seconds_max: float = 300.0
    overdue_grace_seconds: float = 900.0
    preparing_seconds_max: float = 14_400.0
    driver_seconds_max: float = 900.0
    pickup_seconds_max: float = 2700.0
    dropoff_seconds_max: float = 5400.0
    refund_seconds_max: float = 3600.0
    ticket_cancellation_seconds_max: float = 900.0

    def __post_init__(self) -> None:
        for each in fields(Policy):
            value = getattr(self, each.name)
            longest = LONGEST_SECONDS.get(each.name, LIMIT_SECONDS_MAX)
            if "_seconds" in each.name and value > longest:
                raise _refusal(each.name, value, f"at most {longest}")
        if self.driver_speed_mps < DRIVER_SPEED_MPS_MIN:
            raise _refusal(
                "driver_speed_mps", self.driver_speed_mps, f"at least {DRIVER_SPEED_MPS_MIN}"
            )

    @property
    def policy(self) -> Policy:
        """The limits that orders are decided with."""
        return Policy(**{each.name: getattr(self, each.name) for each in fields(Policy)})


def _refusal(name: str, value: object, wanted: str) -> SettingsError:
    return SettingsError(f"{PREFIX}{name.upper()} is {value}; {wanted} is wanted")
