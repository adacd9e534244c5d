"""Values that messages and states are made of; each refuses an impossible content."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

# An instant that names its offset from UTC, and a whole number of at most 64 bits, as on the wire.
Instant = Annotated[datetime, Meta(tz=True)]
Long = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]

TEXT_CHARS_MAX = 200
PRICE_CENTS_MAX = 100_000_000
QUANTITY_MAX = 1_000
EARTH_RADIUS_M = 6_371_008.8
# Instants from outside lie between these, so that no sum of them with a duration overflows.
INSTANT_MIN = datetime(2000, 1, 1, tzinfo=UTC)
INSTANT_MAX = datetime(2200, 1, 1, tzinfo=UTC)

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

# ISO 4217 alphabetic codes of currencies in circulation.
CURRENCIES = frozenset(
    [
        "AED",
        "AFN",
        "ALL",
        "AMD",
        "AOA",
        "ARS",
        "AUD",
        "AWG",
        "AZN",
        "BAM",
        "BBD",
        "BDT",
        "BHD",
        "BIF",
        "BMD",
        "BND",
        "BOB",
        "BRL",
        "BSD",
        "BTN",
        "BWP",
        "BYN",
        "BZD",
        "CAD",
        "CDF",
        "CHF",
        "CLP",
        "CNY",
        "COP",
        "CRC",
        "CUP",
        "CVE",
        "CZK",
        "DJF",
        "DKK",
        "DOP",
        "DZD",
        "EGP",
        "ERN",
        "ETB",
        "EUR",
        "FJD",
        "FKP",
        "GBP",
        "GEL",
        "GHS",
        "GIP",
        "GMD",
        "GNF",
        "GTQ",
        "GYD",
        "HKD",
        "HNL",
        "HTG",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "IQD",
        "IRR",
        "ISK",
        "JMD",
        "JOD",
        "JPY",
        "KES",
        "KGS",
        "KHR",
        "KMF",
        "KPW",
        "KRW",
        "KWD",
        "KYD",
        "KZT",
        "LAK",
        "LBP",
        "LKR",
        "LRD",
        "LSL",
        "LYD",
        "MAD",
        "MDL",
        "MGA",
        "MKD",
        "MMK",
        "MNT",
        "MOP",
        "MRU",
        "MUR",
        "MVR",
        "MWK",
        "MXN",
        "MYR",
        "MZN",
        "NAD",
        "NGN",
        "NIO",
        "NOK",
        "NPR",
        "NZD",
        "OMR",
        "PAB",
        "PEN",
        "PGK",
        "PHP",
        "PKR",
        "PLN",
        "PYG",
        "QAR",
        "RON",
        "RSD",
        "RUB",
        "RWF",
        "SAR",
        "SBD",
        "SCR",
        "SDG",
        "SEK",
        "SGD",
        "SHP",
        "SLE",
        "SOS",
        "SRD",
        "SSP",
        "STN",
        "SVC",
        "SYP",
        "SZL",
        "THB",
        "TJS",
        "TMT",
        "TND",
        "TOP",
        "TRY",
        "TTD",
        "TWD",
        "TZS",
        "UAH",
        "UGX",
        "USD",
        "UYU",
        "UZS",
        "VED",
        "VES",
        "VND",
        "VUV",
        "WST",
        "XAF",
        "XCD",
        "XCG",
        "XOF",
        "XPF",
        "YER",
        "ZAR",
        "ZMW",
        "ZWG",
    ]
)


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A place on the globe in degrees, WGS 84."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not -90 <= self.latitude <= 90:
            raise ValueError(f"latitude is from -90 to 90 degrees, not {self.latitude}")
        if not -180 <= self.longitude <= 180:
            raise ValueError(f"longitude is from -180 to 180 degrees, not {self.longitude}")

    def distance_m(self, other: "GeoPoint") -> float:
        """Metres along the great circle (haversine formula; Sinnott, 1984)."""
        latitude, latitude_other = math.radians(self.latitude), math.radians(other.latitude)
        half_latitude = (latitude_other - latitude) / 2
        half_longitude = math.radians(other.longitude - self.longitude) / 2
        chord = (
            math.sin(half_latitude) ** 2
            + math.cos(latitude) * math.cos(latitude_other) * math.sin(half_longitude) ** 2
        )
        return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order: what, how many, and the price of one in the currency's minor unit."""

    name: str
    quantity: int
    price_cents: int

    def __post_init__(self) -> None:
        check_text("name", self.name)
        if not 1 <= self.quantity <= QUANTITY_MAX:
            raise ValueError(f"quantity is from 1 to {QUANTITY_MAX}, not {self.quantity}")
        if not 0 <= self.price_cents <= PRICE_CENTS_MAX:
            raise ValueError(f"price_cents is from 0 to {PRICE_CENTS_MAX}, not {self.price_cents}")


@dataclass(frozen=True, slots=True)
class Restaurant:
    """Where an order is cooked: the restaurant, the region it is matched in, and its place.

    `zone` is the IANA name of the restaurant's time zone, as far as the partner knows it.
    """

    restaurant_id: str
    region: str
    location: GeoPoint
    zone: str | None = None

    def __post_init__(self) -> None:
        check_identifier("restaurant_id", self.restaurant_id)
        check_identifier("region", self.region)
        if self.zone is not None:
            check_zone(self.zone)


def check_identifier(name: str, value: str) -> None:
    """Raises ValueError unless the value can serve as an id: 1-64 letters, digits and . _ : -"""
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError(
            f"{name} is 1 to 64 letters, digits or . _ : - and begins with a letter or digit, "
            f"not {value[:80]!r}"
        )


def check_text(name: str, value: str, chars_max: int = TEXT_CHARS_MAX) -> None:
    """Raises ValueError unless the text has from 1 to `chars_max` characters."""
    if not value.strip():
        raise ValueError(f"{name} is empty")
    if len(value) > chars_max:
        raise ValueError(f"{name} has {len(value)} characters; at most {chars_max} are taken")


def check_currency(value: str) -> None:
    """Raises ValueError unless the value is an ISO 4217 code in circulation."""
    if value not in CURRENCIES:
        raise ValueError(f"currency is an ISO 4217 code such as EUR, not {value[:80]!r}")


def check_instant(name: str, value: datetime) -> None:
    """Raises ValueError unless the instant names its offset from UTC and lies in our centuries."""
    if value.tzinfo is None:
        raise ValueError(f"{name} needs its offset from UTC, such as 2030-01-31T18:00:00Z")
    if not INSTANT_MIN <= value <= INSTANT_MAX:
        raise ValueError(
            f"{name} is from {INSTANT_MIN.year} to {INSTANT_MAX.year}, not {value.isoformat()}"
        )


def check_zone(value: str) -> None:
    """Raises ValueError unless the value is the IANA name of a time zone."""
    if zone_of(value) is None:
        raise ValueError(f"zone is an IANA time zone such as Europe/Rome, not {value[:80]!r}")


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of an IANA name, or None where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
