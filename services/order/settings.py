"""Settings of the order service; the only reader of its environment."""

from dataclasses import dataclass

from services.common.settings import CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """Where the outside world is, and how long a restaurant cooks.

    preparation_seconds: an order that is wanted ready at an instant starts this much earlier.
    callback_url: where the point of sale reports a finished order; the order's path is added.
    """

    port: int = 8001
    payment_url: str = "http://127.0.0.1:9001"
    pos_url: str = "http://127.0.0.1:9002"
    callback_url: str = "http://127.0.0.1:8001"
    preparation_seconds: int = 900
