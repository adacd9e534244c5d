"""Points on the earth, distances and movement.

Source of the distance: R. W. Sinnott, "Virtues of the Haversine", Sky & Telescope 68 (1984).
"""

import math
from dataclasses import dataclass
from random import Random

EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A point in degrees (WGS 84)."""

    latitude: float
    longitude: float


def distance_m(start: GeoPoint, end: GeoPoint) -> float:
    """The great-circle distance in metres."""
    start_latitude, end_latitude = math.radians(start.latitude), math.radians(end.latitude)
    half_latitude = (end_latitude - start_latitude) / 2
    half_longitude = math.radians(end.longitude - start.longitude) / 2
    haversine = (
        math.sin(half_latitude) ** 2
        + math.cos(start_latitude) * math.cos(end_latitude) * math.sin(half_longitude) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, haversine)))


def move_towards(start: GeoPoint, target: GeoPoint, step_m: float) -> GeoPoint:
    """The point after one step along the straight line, the target itself when it is that near.

    A line straight in degrees differs from the great circle by less than a metre in a city.
    """
    whole_m = distance_m(start, target)
    if whole_m <= step_m:
        return target
    share = step_m / whole_m
    return GeoPoint(
        start.latitude + (target.latitude - start.latitude) * share,
        start.longitude + (target.longitude - start.longitude) * share,
    )


def random_point(random: Random, centre: GeoPoint, spread_degrees: float) -> GeoPoint:
    """A point in the square around the centre that reaches the spread to each side."""
    return GeoPoint(
        centre.latitude + random.uniform(-spread_degrees, spread_degrees),
        centre.longitude + random.uniform(-spread_degrees, spread_degrees),
    )
