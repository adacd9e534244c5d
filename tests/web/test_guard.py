"""What every answer carries, and what of other sites is refused."""

from dataclasses import replace

import pytest

from services.common.settings import SettingsError
from services.web.guard import host_of
from services.web.settings import Settings
from tests.web.outside import SETTINGS, web

ORDERS = "/api/order/orders"


@pytest.mark.parametrize(
    "path", ["/", "/board", "/assets/api.js", "/api/shop/restaurants", ORDERS, "/api/track/x.y"]
)
async def test_no_page_may_fetch_from_elsewhere(path: str) -> None:
    """The policy names no other host, on answers and on errors."""
    async with web() as front:
        answer = await front.http.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http:" not in policy
    assert "https:" not in policy
    assert "*" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", [ORDERS, "/api/board/summary", "/api/board/dead-letters", "/api/track/x.y", "/api/x"]
)
async def test_no_cache_keeps_an_answer_about_orders(path: str) -> None:
    """Neither those of the front, nor those that it passes on, nor errors."""
    async with web() as front:
        front.calls.answers["GET order/orders"] = (200, {"items": []})
        answer = await front.http.get(path)
    assert answer.headers["cache-control"] == "no-store"


async def test_pages_and_assets_are_asked_for_again() -> None:
    """So that a new version of the front shows at once."""
    async with web() as front:
        for path in ("/track/x.y", "/assets/base.css"):
            assert (await front.http.get(path)).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"Sec-Fetch-Site": "same-origin"}, 404),
        ({"Sec-Fetch-Site": "none"}, 404),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://web"}, 404),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://web.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        # A proxy before the front may have changed the host; the browser knows better.
        ({"Origin": "https://tiffin.example", "Sec-Fetch-Site": "same-origin"}, 404),
    ],
)
async def test_only_our_own_pages_change_something(headers: dict[str, str], status: int) -> None:
    """What no browser sends is taken; it has no person whose rights it could use."""
    async with web() as front:
        answer = await front.http.post(ORDERS, headers=headers, content=b"{}")
        assert len(front.calls.asked) == (status == 404)
    assert answer.status_code == status


@pytest.mark.parametrize("host", ["evil.example", "web.evil.example:80", "", "127.0.0.1"])
async def test_a_name_that_is_not_ours_is_not_answered(host: str) -> None:
    """Or any site could have its name point here, and be one of our own pages to the browser."""
    async with web() as front:
        answer = await front.http.get(ORDERS, headers={"Host": host})
        assert front.calls.asked == []
    assert answer.status_code == 421
    assert "TIFFIN_WEB_NAMES" in answer.json()["detail"]


async def test_any_name_does_where_none_is_set() -> None:
    """For those who have something else before it that looks."""
    async with web(replace(SETTINGS, web_names="")) as front:
        answer = await front.http.get(ORDERS, headers={"Host": "anything.example"})
    assert answer.status_code == 404


def test_a_host_has_a_name_and_perhaps_a_port() -> None:
    """IPv6 addresses have brackets (RFC 3986, section 3.2.2)."""
    hosts = ["localhost:3000", "LocalHost", "[::1]:3000", "[::1]", "127.0.0.1:80"]
    assert [host_of(host) for host in hosts] == [
        "localhost",
        "localhost",
        "::1",
        "::1",
        "127.0.0.1",
    ]


def test_links_want_a_secret_that_nobody_knows() -> None:
    """There is none by default, and a short one is refused."""
    for secret in ("", "tiffin"):
        with pytest.raises(SettingsError, match="TIFFIN_TRACK_SECRET"):
            Settings(track_secret=secret).check_secret()
    Settings(track_secret="a" * 16).check_secret()
