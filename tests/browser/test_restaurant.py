"""Restaurants answer on their screen, customers change their mind, and each sees the other live."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.person import Person, is_same_page
from tests.browser.shopping import BY_HAND, buy, fill_cart, place_order, timeline
from tests.e2e.world import World

# The first one may have to fetch the browser.
pytestmark = pytest.mark.timeout(400)

COUNTDOWN = re.compile(r"^\d+:\d\d min$")


@pytest.fixture
async def by_hand(world: World) -> AsyncIterator[World]:
    """A point of sale where somebody has to answer each order."""
    await world.call("PUT", "pos", "/faults", BY_HAND, 200)
    yield world
    await world.call("PUT", "pos", "/faults", {}, 200)


def headline(page: Page) -> Locator:
    """The sentence that says how an order is."""
    return page.get_by_role("heading", level=1)


def card(screen: Page, column: str, order_id: str) -> Locator:
    """An order's card in a column of the restaurant's screen."""
    return screen.locator(f"#column-{column} .cards > [data-key='{order_id}']")


async def test_a_refusal_with_its_reason_reaches_the_customer(
    desk: Person, phone: Person, by_hand: World
) -> None:
    """The order appears on the screen by itself; refused, it is told live and paid back."""
    screen = await desk.open("/restaurant/pho-2")
    await expect(screen.locator("#live")).to_have_text("Live")
    page = await phone.open("/")
    order_id = await buy(page, "Phở Mai", Phở_chay=1)
    await expect(headline(page)).to_have_text("Waiting for Phở Mai")
    waiting = card(screen, "new", order_id)
    await expect(waiting).to_contain_text("1× Phở chay")
    await expect(screen).to_have_title(re.compile("1 order waits for your answer"))

    await waiting.get_by_role("button", name="Refuse").click()
    dialog = screen.get_by_role("dialog")
    await dialog.get_by_label("Something is sold out").check()
    await dialog.get_by_label("A word about it").fill("no more star anise")
    await dialog.get_by_role("button", name="Refuse the order").click()

    await expect(headline(page)).to_have_text("Your order was cancelled")
    await expect(page.locator("#headline")).to_contain_text("Something you ordered is sold out")
    await expect(page.locator("#headline")).to_contain_text("no more star anise")
    await expect(page.locator("#facts")).to_contain_text("given back to you")
    await expect(waiting).to_have_count(0)
    await expect(screen.locator("#done-list")).to_contain_text("Cancelled")
    assert await is_same_page(page)
    assert await is_same_page(screen)
    order = await by_hand.reaches(order_id, "CANCELLED")
    assert (order["reason"], order["payment"]) == ("item_unavailable", "REFUNDED")


async def test_an_accepted_order_counts_down_until_it_is_ready_and_on_its_way(
    desk: Person, phone: Person, by_hand: World
) -> None:
    """Accept, five minutes more, ready; the customer's page follows each step, second by second."""
    screen = await desk.open("/restaurant/curry-4")
    page = await phone.open("/")
    order_id = await buy(page, "Malabar Kitchen", Fish_moilee=1)
    waiting = card(screen, "new", order_id)
    await waiting.get_by_role("button", name="+5").click()
    minutes = re.search(r"\d+", await waiting.locator("output").inner_text())
    assert minutes
    await waiting.get_by_role("button", name="Accept").click()
    cooking = card(screen, "cooking", order_id)
    await expect(cooking).to_contain_text("Said to be ready at")
    await expect(headline(page)).to_have_text("Your food is being cooked")

    eta = page.get_by_role("timer")
    await expect(eta).to_have_text(COUNTDOWN)
    first = _seconds(await eta.inner_text())
    assert int(minutes[0]) * 60 - 10 <= first <= int(minutes[0]) * 60 + 120
    await expect(eta).not_to_have_text(re.compile(rf"^{first // 60}:{first % 60:02} "))
    assert first - 20 < _seconds(await eta.inner_text()) < first

    await page.get_by_role("button", name="Cancel the order").click()
    await cooking.get_by_role("button", name="Ready").click()
    await expect(headline(page)).to_have_text("Delivered", timeout=60_000)
    await see_that_it_is_too_late(page, phone)
    assert "The kitchen began" in [text.split("\n")[0] for text in await timeline(page)]
    await expect(screen.locator("#done-list")).to_contain_text("Delivered")
    await by_hand.reaches(order_id, "DELIVERED")


async def see_that_it_is_too_late(page: Page, person: Person) -> None:
    """The dialog was open while the order went on: its button is refused, and the page says why."""
    person.refusals = 1
    await page.get_by_role("dialog").get_by_role("button", name="Cancel the order").click()
    await expect(page.locator("#toasts")).to_contain_text("It was not cancelled")
    await expect(headline(page)).to_have_text("Delivered")
    await expect(page.get_by_role("button", name="Cancel the order")).to_have_count(0)


def _seconds(text: str) -> int:
    minutes, seconds = text.split(" ")[0].split(":")
    return int(minutes) * 60 + int(seconds)


async def test_a_customer_cancels_an_order_for_later(phone: Person, world: World) -> None:
    """It is shown as planned, then cancelled and paid back, and can be ordered again."""
    page = await phone.open("/")
    await fill_cart(page, "Forno Diciotto", Diavola=1)
    await page.goto("/#/checkout")
    await page.get_by_label("Later").check()
    await page.get_by_label("Hand it over only with a code").check()
    order_id = await place_order(page)
    await expect(headline(page)).to_have_text("Planned")
    await expect(page.locator("#facts")).to_contain_text(re.compile(r"Code for the driver\s*\d{4}"))
    await page.get_by_role("button", name="Cancel the order").click()
    await page.get_by_role("dialog").get_by_label("Why?").select_option("ordered_by_mistake")
    await page.get_by_role("dialog").get_by_role("button", name="Cancel the order").click()
    await expect(headline(page)).to_have_text("Your order was cancelled")
    await expect(page.locator("#headline")).to_contain_text("You cancelled it.")
    await expect(page.locator("#facts")).to_contain_text("given back to you")
    await expect(page.get_by_role("button", name="Cancel the order")).to_have_count(0)
    assert await is_same_page(page)
    order = await world.reaches(order_id, "CANCELLED")
    assert (order["cancelled_by"], order["reason"]) == ("customer", "ordered_by_mistake")

    await page.get_by_role("button", name="Put it in the cart again").click()
    await expect(page.get_by_role("heading", name="Checkout")).to_be_visible()
    await expect(page.get_by_role("group", name="Quantity of Diavola")).to_be_visible()


async def test_what_is_sold_out_or_paused_can_not_be_bought(
    desk: Person, phone: Person, world: World
) -> None:
    """The restaurant's word is in the shop within seconds, and so is that it took it back."""
    screen = await desk.open("/restaurant/taqueria-1")
    page = await phone.open("/#/taqueria-1")
    await screen.get_by_role("button", name="Sold out: Taco de pescado").click()
    await screen.get_by_role("dialog").get_by_role("button", name="Sold out").click()
    await expect(screen.locator("#snoozed-count")).to_have_text("1 sold out")
    await screen.get_by_role("button", name="Pause…").click()
    await screen.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    await expect(screen.locator("#restaurant-bar")).to_contain_text("You take no new orders.")
    add = page.get_by_role("button", name="Add Taco de pescado")
    await expect(add).to_be_disabled()
    await expect(page.locator(".dish.is-out")).to_contain_text("Sold out")
    await expect(page.get_by_text("Orders are paused")).to_be_visible()
    known = await world.get("order", "/restaurants/taqueria-1")
    assert known["status"] == "PAUSED"

    await screen.get_by_role("button", name="Open", exact=True).click()
    await screen.get_by_role("button", name="Back again: Taco de pescado").click()
    await expect(screen.locator("#snoozed-count")).to_have_text("all there")
    await expect(add).to_be_enabled()
    await expect(page.get_by_text("Orders are paused")).to_have_count(0)


async def test_an_order_of_nobody_is_not_shown(phone: Person, world: World) -> None:
    """A link that was not copied whole, or guessed, leads to a page that says so."""
    phone.is_disturbed = True
    page = await phone.open("/")
    await buy(page, "Sora Sushi", Tuna_roll=1)
    guessed = await phone.open(page.url[:-1] + ("A" if page.url[-1] != "A" else "B"))
    await expect(headline(guessed)).to_have_text("There is no such order")
