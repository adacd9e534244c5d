"""How long a twin waits for its driver, and how many wrong codes it takes."""

from dataclasses import dataclass

WRONG_CODES_CEILING = 10
# A year: no instant of a twin is further ahead, so that no sum of instants overflows.
SECONDS_CEILING = 31_536_000.0


@dataclass(frozen=True, slots=True)
class DriverLimits:
    """The bounds of a twin's patience.

    offer_seconds_max: how long a driver may think about an offer.
    silence_seconds_max: how long a driver with a delivery may be unheard before it is suspected.
    silence_grace_seconds: how long what is on its way has, to say otherwise.
    wrong_codes_max: so many wrong codes lock the drop-off.
    """

    offer_seconds_max: float = 30.0
    silence_seconds_max: float = 600.0
    silence_grace_seconds: float = 30.0
    wrong_codes_max: int = 5

    def __post_init__(self) -> None:
        for name in ("offer_seconds_max", "silence_seconds_max", "silence_grace_seconds"):
            seconds = getattr(self, name)
            if not 0 <= seconds <= SECONDS_CEILING:
                raise ValueError(f"{name} is from 0 to {SECONDS_CEILING}, not {seconds}")
        if not 1 <= self.wrong_codes_max <= WRONG_CODES_CEILING:
            raise ValueError(
                f"wrong_codes_max is from 1 to {WRONG_CODES_CEILING}, not {self.wrong_codes_max}"
            )
