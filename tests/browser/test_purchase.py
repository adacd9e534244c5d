"""People buy in the shop and follow their order to the door, against real services."""

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from infra.stack import WEB
from tests.browser.person import Person, is_same_page, tab_to
from tests.browser.shopping import (
    BY_HAND,
    RIDE_MS_MAX,
    WATCH_DRIVER,
    WHOLE_LIFE,
    buy,
    fill_cart,
    followed,
    place_order,
    stepper,
)
from tests.e2e.world import World

# The first one may have to fetch the browser.
pytestmark = pytest.mark.timeout(400)

SERVICES = ("order", "delivery", "matcher", "driver")
MOVES_MIN = 8
# Of the way from the restaurant to the door.
NEAR = 0.3
# Of each record of a story: its id, its instant, and the id of the record that it follows from.
CAUSES = """all => all.map((each) => ({
  id: each.id,
  at: each.querySelector("time").dateTime,
  cause: each.querySelector('a[href^="#"]')?.hash.slice(1) ?? null,
}))"""


async def shop_orders(world: World) -> set[str]:
    """The ids of all orders that the shop has submitted."""
    orders = await world.get("order", "/orders?partner=tiffin-shop&limit=200")
    return {each["order_id"] for each in orders["items"]}


async def test_a_purchase_is_followed_to_the_door_and_found_on_the_board(
    phone: Person, desk: Person, world: World
) -> None:
    """On a phone from the filter to DELIVERED without a reload; then its whole story at a desk."""
    page = await phone.open("/")
    await page.get_by_label("Restaurant or dish").fill("wood oven")
    await expect(page.locator(".restaurant-card")).to_have_count(1)
    await page.get_by_label("Restaurant or dish").fill("")
    await page.get_by_role("button", name="Italian").click()
    await expect(page.get_by_role("status")).to_have_text("1 restaurant")
    await fill_cart(page, "Forno Diciotto", Margherita=2, Funghi=1)
    await page.reload()
    await expect(stepper(page, "Margherita")).to_contain_text("2")
    await page.evaluate("window.isSamePage = true")
    await page.get_by_role("link", name="View cart · 3 items").click()

    told = page.get_by_role("status").filter(has_text="Your door is")
    before = await told.inner_text()
    surface = page.get_by_role("application", name="Map to choose the address")
    await surface.click(position={"x": 60, "y": 90})
    await expect(told).not_to_have_text(before)
    assert await is_same_page(page)
    order_id = await place_order(page)
    await page.evaluate(WATCH_DRIVER)

    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Delivered", timeout=RIDE_MS_MAX
    )
    await see_whole_life(page)
    assert await is_same_page(page), "the page was loaded anew"
    ride = await page.evaluate("window.ride")
    places = {(round(one, 2), round(other, 2)) for one, other in ride}
    assert len(places) >= MOVES_MIN, "the driver's pin stood still"
    assert min(one for one, _ in ride) < NEAR, "the pin was never seen at the restaurant"
    assert min(other for _, other in ride) < NEAR, "the pin was never seen near the door"
    order = await world.get("order", f"/orders/{order_id}")
    assert {each["name"]: each["quantity"] for each in order["items"]} == {
        "Margherita": 2,
        "Funghi": 1,
    }
    await see_story(desk, order_id)


async def see_whole_life(page: Page) -> None:
    """The timeline has each step once, in order."""
    steps = [re.compile(f"^{text}") for text in WHOLE_LIFE]
    await expect(page.locator("#timeline li.done")).to_have_text(steps)


async def see_story(desk: Person, order_id: str) -> None:
    """The board finds the order, and tells of all services what happened to it."""
    board = await desk.open("/board")
    await board.get_by_role("searchbox").fill(order_id)
    await board.get_by_role("link", name=order_id).click()
    await board.wait_for_url(f"**/board/orders/{order_id}")
    await expect(board.locator("#facts")).to_contain_text("Delivered")
    for service in SERVICES:
        events = board.locator(f"#records .is-event.service-{service}")
        await expect(events.first).to_be_visible()
    rows = await board.locator("#records .record").evaluate_all(CAUSES)
    places = {row["id"]: place for place, row in enumerate(rows)}
    assert len(rows) > len(WHOLE_LIFE) * 2
    caused = [row for row in rows if row["cause"] in places]
    assert len(caused) > len(WHOLE_LIFE)
    assert all(places[row["cause"]] < places[row["id"]] for row in caused)
    assert min(row["at"] for row in rows) == rows[0]["at"]
    await board.get_by_role("button", name="Open all").click()
    created = board.locator("#records .record", has_text="PreparationStarted").last
    await expect(created.get_by_role("table")).to_contain_text("IN_PREPARATION")
    shown = await board.locator("#records").inner_text()
    assert '"destination"' in shown
    assert "tok_visa" not in shown


async def test_a_purchase_needs_no_mouse(desk: Person, world: World) -> None:
    """Tab, Enter and the arrow keys lead from the first page to an order."""
    page = await desk.open("/")
    await tab_to(page, page.get_by_role("link", name="Sora Sushi"))
    await page.keyboard.press("Enter")
    add = page.get_by_role("button", name="Add Salmon nigiri")
    await expect(add).to_be_visible()
    await tab_to(page, add)
    await page.keyboard.press("Enter")
    more = page.get_by_role("button", name="One more Salmon nigiri")
    await expect(more).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(stepper(page, "Salmon nigiri")).to_contain_text("2")
    await tab_to(page, page.get_by_role("link", name="Checkout", exact=True))
    await page.keyboard.press("Enter")
    surface = page.get_by_role("application", name="Map to choose the address")
    await expect(surface).to_be_visible()
    told = page.get_by_role("status").filter(has_text="Your door is")
    before = await told.inner_text()
    await tab_to(page, surface)
    for _ in range(3):
        await page.keyboard.press("Shift+ArrowRight")
    await expect(told).not_to_have_text(before)
    await tab_to(page, page.get_by_role("button", name="Order and pay"))
    await page.keyboard.press("Enter")
    order_id = await followed(page)
    assert (await world.reaches(order_id, "DELIVERED"))["items"][0]["quantity"] == 2


async def test_a_double_click_and_a_lost_answer_are_one_order(desk: Person, world: World) -> None:
    """The button is pressed twice at once, its answer is lost, and it is pressed again."""
    desk.is_disturbed = True
    before = await shop_orders(world)
    asked: list[Route] = []

    async def lose_the_first_answer(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            await route.continue_()
            return
        assert (await route.fetch()).status == 202
        await route.abort()

    page = await desk.open("/")
    await page.route("**/api/shop/orders", lose_the_first_answer)
    await fill_cart(page, "Malabar Kitchen", Chana_masala=1)
    await page.get_by_role("link", name="Checkout", exact=True).click()
    pay = page.get_by_role("button", name="Order and pay")
    await pay.dblclick()
    told = page.get_by_role("alert").filter(has_text="it stays one order")
    await expect(told).to_be_visible()
    assert len(asked) == 1, "the second press sent it again"
    await pay.dblclick()
    order_id = await followed(page)
    assert len(asked) == 2
    assert await shop_orders(world) - before == {order_id}
    await world.reaches(order_id, "DELIVERED")
    assert len(await world.charges(order_id)) == 1


async def test_what_happens_while_the_web_front_is_away_is_told_when_it_is_back(
    phone: Person, desk: Person, world: World
) -> None:
    """Tracking page and board say that they are cut off, come back alone, and miss nothing."""
    phone.is_disturbed = desk.is_disturbed = True
    web = world.stack.programs[WEB]
    await world.call("PUT", "pos", "/faults", BY_HAND, 200)
    page = await phone.open("/")
    order_id = await buy(page, "Alameda Burgers", Smash_burger=1)
    board = await desk.open("/board")
    waiting = page.get_by_role("heading", level=1, name="Waiting for Alameda Burgers")
    await expect(waiting).to_be_visible()
    badges = (page.locator("#live"), board.locator("#live"))
    for badge in badges:
        await expect(badge).to_have_text("Live")

    await asyncio.to_thread(web.stop)
    await expect(badges[0]).to_have_text("Reconnecting …")
    await expect(badges[1]).to_have_text("Connection lost, trying again")
    await world.call("POST", "order", f"/orders/{order_id}/accept", {"preparation_seconds": 60})
    await world.reaches(order_id, "IN_PREPARATION")
    await world.call("POST", "order", f"/orders/{order_id}/preparation-finished")
    await world.reaches(order_id, "DELIVERED")
    await asyncio.to_thread(web.start)
    await asyncio.to_thread(web.wait_ready)

    await expect(page.get_by_role("heading", level=1)).to_have_text("Delivered")
    for badge in badges:
        await expect(badge).to_have_text("Live")
    await see_whole_life(page)
    count = board.locator("#order-counts li", has_text="Delivered").locator("b")
    await expect(count).to_have_text(str(len(await shop_orders(world))))
    assert await is_same_page(page)
    assert await is_same_page(board)
    await world.call("PUT", "pos", "/faults", {}, 200)
