"""Values refuse impossible contents, and measure the globe."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.values import (
    CURRENCIES,
    EARTH_RADIUS_M,
    PRICE_CENTS_MAX,
    QUANTITY_MAX,
    TEXT_CHARS_MAX,
    GeoPoint,
    Item,
    Restaurant,
    check_currency,
    check_identifier,
    check_instant,
    check_text,
)
from tests.given import deterministic

POINTS = st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
NAN = float("nan")


@pytest.mark.parametrize(("latitude", "longitude"), [(90, 180), (-90, -180), (0, 0)])
def test_a_point_lies_on_the_globe(latitude: float, longitude: float) -> None:
    assert GeoPoint(latitude, longitude).latitude == latitude


@pytest.mark.parametrize(
    ("latitude", "longitude", "name"),
    [
        (90.0001, 0, "latitude"),
        (-90.0001, 0, "latitude"),
        (NAN, 0, "latitude"),
        (math.inf, 0, "latitude"),
        (0, 180.0001, "longitude"),
        (0, -180.0001, "longitude"),
        (0, NAN, "longitude"),
        (0, -math.inf, "longitude"),
    ],
)
def test_a_point_off_the_globe_is_refused(latitude: float, longitude: float, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        GeoPoint(latitude, longitude)


def test_a_degree_along_the_equator_is_111_kilometres() -> None:
    assert GeoPoint(0, 0).distance_m(GeoPoint(0, 1)) == pytest.approx(111_195, abs=1)
    assert GeoPoint(0, 179.5).distance_m(GeoPoint(0, -179.5)) == pytest.approx(111_195, abs=1)


def test_paris_is_344_kilometres_from_london() -> None:
    london, paris = GeoPoint(51.5074, -0.1278), GeoPoint(48.8566, 2.3522)
    assert london.distance_m(paris) == pytest.approx(343_556, rel=0.001)


@deterministic
@given(here=POINTS, there=POINTS)
def test_distance_is_the_same_both_ways_and_never_beyond_the_antipodes(
    here: GeoPoint, there: GeoPoint
) -> None:
    assert here.distance_m(here) == 0
    assert here.distance_m(there) == pytest.approx(there.distance_m(here))
    assert 0 <= here.distance_m(there) <= math.pi * EARTH_RADIUS_M * 1.000_000_1


@pytest.mark.parametrize(("quantity", "price_cents"), [(1, 0), (QUANTITY_MAX, PRICE_CENTS_MAX)])
def test_an_item_within_the_limits_is_taken(quantity: int, price_cents: int) -> None:
    assert Item("Lasagne", quantity, price_cents).quantity == quantity


@pytest.mark.parametrize(
    ("name", "quantity", "price_cents", "wrong"),
    [
        ("", 1, 100, "name"),
        (" \t", 1, 100, "name"),
        ("x" * (TEXT_CHARS_MAX + 1), 1, 100, "name"),
        ("Lasagne", 0, 100, "quantity"),
        ("Lasagne", -1, 100, "quantity"),
        ("Lasagne", QUANTITY_MAX + 1, 100, "quantity"),
        ("Lasagne", 1, -1, "price_cents"),
        ("Lasagne", 1, PRICE_CENTS_MAX + 1, "price_cents"),
    ],
)
def test_an_item_beyond_the_limits_is_refused(
    name: str, quantity: int, price_cents: int, wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong):
        Item(name, quantity, price_cents)


@pytest.mark.parametrize("value", ["a", "A-1", "san-jose", "0.9:x_y", "x" * 64])
def test_an_identifier_is_short_and_plain(value: str) -> None:
    check_identifier("region", value)
    assert Restaurant(value, value, GeoPoint(0, 0)).region == value


@pytest.mark.parametrize("value", ["", "x" * 65, "-a", "a b", "a/b", "é", "a\n", "\0", ".a"])
def test_what_could_not_be_a_key_or_a_path_is_no_identifier(value: str) -> None:
    with pytest.raises(ValueError, match="region"):
        check_identifier("region", value)
    with pytest.raises(ValueError, match="restaurant_id"):
        Restaurant(value, "north", GeoPoint(0, 0))
    with pytest.raises(ValueError, match="region"):
        Restaurant("trattoria", value, GeoPoint(0, 0))


def test_a_refusal_shows_no_more_than_the_beginning_of_a_long_value() -> None:
    with pytest.raises(ValueError, match="name") as refusal:
        check_identifier("name", "y" * 10_000)
    assert len(str(refusal.value)) < 250


def test_a_text_has_a_limit_that_the_caller_may_choose() -> None:
    check_text("reason", "x" * TEXT_CHARS_MAX)
    check_text("reason", "xx", chars_max=2)
    with pytest.raises(ValueError, match="at most 2"):
        check_text("reason", "xxx", chars_max=2)


@pytest.mark.parametrize("value", ["EUR", "USD", "JPY"])
def test_a_currency_is_an_iso_4217_code(value: str) -> None:
    check_currency(value)


@pytest.mark.parametrize("value", ["", "eur", "EURO", "XXX", "DEM", "BTC"])
def test_any_other_currency_is_refused(value: str) -> None:
    assert value not in CURRENCIES
    with pytest.raises(ValueError, match="currency"):
        check_currency(value)


def test_an_instant_names_its_offset() -> None:
    check_instant("ready_at", datetime(2030, 1, 1, tzinfo=UTC))
    check_instant("ready_at", datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=-8))))
    naive: Any = datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="ready_at"):
        check_instant("ready_at", naive)
