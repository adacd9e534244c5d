"""Distances and movement."""

from random import Random

import pytest

from services.sandbox.geography import GeoPoint, distance_m, move_towards, random_point

SAN_JOSE = GeoPoint(37.3382, -121.8863)
SAN_FRANCISCO = GeoPoint(37.7749, -122.4194)


def test_a_known_distance() -> None:
    """San Jose and San Francisco are 67.6 km apart; one degree of latitude is 111.2 km."""
    assert distance_m(SAN_JOSE, SAN_FRANCISCO) == pytest.approx(67_600, rel=0.005)
    assert distance_m(GeoPoint(0, 0), GeoPoint(1, 0)) == pytest.approx(111_195, rel=0.001)


def test_steps_are_as_long_as_asked_and_end_at_the_target() -> None:
    """Every step but the last has the step's length; the last ends at the target exactly."""
    target = GeoPoint(37.36, -121.85)
    here, steps = SAN_JOSE, 0
    while here != target:
        there = move_towards(here, target, 400)
        if there != target:
            assert distance_m(here, there) == pytest.approx(400, abs=1)
        here, steps = there, steps + 1
    assert steps == int(distance_m(SAN_JOSE, target) // 400) + 1


def test_random_points_stay_in_the_region() -> None:
    """Start positions lie within the spread, and the same seed gives the same ones."""
    points = [random_point(Random(seed), SAN_JOSE, 0.0675) for seed in range(100)]
    assert all(abs(point.latitude - SAN_JOSE.latitude) <= 0.0675 for point in points)
    assert all(abs(point.longitude - SAN_JOSE.longitude) <= 0.0675 for point in points)
    assert points[5] == random_point(Random(5), SAN_JOSE, 0.0675)
