"""Settings of the web front."""

from dataclasses import dataclass

from services.common.settings import CommonSettings, SettingsError

SECRET_CHARS_MIN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(CommonSettings):
    """Where the fronts are, and every limit of what is kept for the pages.

    payments_url, pos_url, phones_url: the sandbox; empty where none runs.
    web_names: the hosts that people name the front by, with commas; any, where it is empty.
    track_secret: what the links for customers derive from; whoever knows it can make them.
    """

    order_url: str = "http://127.0.0.1:8001"
    delivery_url: str = "http://127.0.0.1:8002"
    matcher_url: str = "http://127.0.0.1:8003"
    driver_url: str = "http://127.0.0.1:8004"
    payments_url: str = ""
    pos_url: str = ""
    phones_url: str = ""
    web_host: str = "127.0.0.1"
    web_port: int = 3000
    web_names: str = "localhost,127.0.0.1,::1"
    track_secret: str = ""

    kept_orders_max: int = 5_000
    records_per_order_max: int = 400
    letters_max: int = 500
    drivers_max: int = 10_000
    viewers_max: int = 200
    viewer_records_max: int = 1_000
    viewer_send_seconds_max: float = 30.0
    ring_max: int = 20_000
    heartbeat_seconds_max: float = 15.0
    answer_seconds_max: float = 10.0
    summary_seconds: float = 1.0
    load_orders_per_minute_max: int = 600
    feed_backoff_seconds: float = 1.0

    def check_secret(self) -> None:
        """Raises SettingsError where anybody could make the customers' links."""
        if len(self.track_secret) < SECRET_CHARS_MIN:
            raise SettingsError(
                f"TIFFIN_TRACK_SECRET has {len(self.track_secret)} characters; at least "
                f"{SECRET_CHARS_MIN} are wanted, the same at each start"
            )

    @property
    def names(self) -> frozenset[str]:
        """The hosts of `web_names`."""
        return frozenset(name.strip().lower() for name in self.web_names.split(",") if name.strip())

    @property
    def services(self) -> dict[str, str]:
        """The URL of each service's front."""
        return {
            "order": self.order_url,
            "delivery": self.delivery_url,
            "matcher": self.matcher_url,
            "driver": self.driver_url,
        }

    @property
    def sandbox(self) -> dict[str, str]:
        """The URL of each program of the sandbox that runs."""
        programs = {
            "payments": self.payments_url,
            "pos": self.pos_url,
            "phones": self.phones_url,
        }
        return {name: url for name, url in programs.items() if url}
