"""What is decided about orders in one deployment: times, limits, and the secret of codes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits of an order's life; those in seconds are counted as each deadline's flag tells.

    preparation_seconds, accept_seconds_max: where a restaurant has not said otherwise.
    lateness_seconds_max: a preparation that would start later than this ends the order.
    refusal_grace_seconds: how long a restaurant may take a refusal back, `undo_max` times.
    driver_speed_mps: along the great circle, for the first guess of the arrival.
    code_secret: what the codes that drivers name at the door derive from.
    overdue_grace_seconds: after the time that the restaurant has said.
    preparing_seconds_max: since the restaurant has accepted, whatever it has said since.
    """

    preparation_seconds: int = 900
    accept_seconds_max: int = 690
    lateness_seconds_max: float = 1800.0
    refusal_grace_seconds: float = 30.0
    undo_max: int = 3
    driver_speed_mps: float = 8.3
    code_secret: str = "tiffin"
    payment_seconds_max: float = 900.0
    start_seconds_max: float = 300.0
    overdue_grace_seconds: float = 900.0
    preparing_seconds_max: float = 14_400.0
    driver_seconds_max: float = 900.0
    pickup_seconds_max: float = 2700.0
    dropoff_seconds_max: float = 5400.0
    refund_seconds_max: float = 3600.0
    ticket_cancellation_seconds_max: float = 900.0
