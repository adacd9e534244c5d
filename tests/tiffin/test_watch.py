"""Orders are watched: each change is told once, also of those that leave what is watched."""

import json
from collections.abc import Callable

import pytest

from infra.look.errors import UnansweredError
from infra.look.kinds import KINDS, Row
from infra.look.watch import Watch
from services.common import ids
from services.order.domain import OrderStatus
from tests.tiffin.fakes import NOW, URLS, World, full_world, order, run

ORDER_3 = ids.order_id("acme", "3")
OPEN = KINDS["orders"].open_statuses


def watch(world: World, sleep: Callable[[float], None], count: int | None = None) -> Watch:
    """A watch of the open orders."""
    fronts = world.sources.fronts(URLS)

    def look() -> list[Row]:
        return list(fronts.listed(KINDS["orders"], {}, OPEN, 50))

    return Watch(
        fronts,
        KINDS["orders"],
        look,
        seconds=1,
        count=count,
        until_ended=False,
        now=lambda: NOW,
        sleep=sleep,
    )


def test_each_change_is_told_once() -> None:
    """What has not changed is not told again."""
    world, looks = full_world(), 0

    def change(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            world.rows["/orders"][1] = order("2", OrderStatus.SCHEDULED, 1)
        if looks == 3:
            world.rows["/orders"][0] = order("3", OrderStatus.DELIVERED, 2)

    told = [(row["reference"], row["status"]) for row in watch(world, change, 4).changes()]
    assert told == [
        ("3", "IN_DELIVERY"),
        ("2", "CREATED"),
        ("2", "SCHEDULED"),
        ("3", "DELIVERED"),
    ]


def test_a_front_that_is_away_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    """But not at the first look, where the address may be wrong."""
    world = full_world()

    def away(_: float) -> None:
        if not capsys.readouterr().err:
            world.busy = 20
        else:
            world.rows["/orders"][0] = order("3", OrderStatus.DELIVERED, 2)

    assert len(list(watch(world, away, 3).changes())) == 3
    world.busy = 1000
    with pytest.raises(UnansweredError):
        next(watch(world, away).changes())


def test_one_order_is_watched_until_it_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    """An order that has ended at once."""
    assert run(full_world(), "orders", "watch", "acme/1") == 0
    order_id = ids.order_id("acme", "1")
    line = f"12:03:00  {order_id}  DELIVERED             payment=PENDING\n"
    assert capsys.readouterr().out == line


def test_a_watch_ends_after_so_many_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is one JSON object."""
    assert run(full_world(), "orders", "watch", "--open", "--count", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["order_id"] == ORDER_3


def test_on_a_terminal_a_watch_is_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is drawn anew after each look."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    assert run(full_world(), "orders", "watch", "acme/1") == 0
    shown = capsys.readouterr().out
    assert "partner/reference" in shown
    assert "\x1b[32mDELIVERED" in shown
