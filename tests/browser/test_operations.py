"""Operators see on the board how everything is, mend what is stuck, and play with the outside."""

import asyncio
import re

import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.person import Person, is_same_page, is_wider_than_its_screen, nameless_controls
from tests.browser.shopping import buy, fill_cart
from tests.common.memory_log import MemoryLog
from tests.dead_letters import aside
from tests.e2e.test_dead_letters import bad_price, done
from tests.e2e.world import World, order_id_of

# The first one may have to fetch the browser.
pytestmark = pytest.mark.timeout(400)

LATER = {"delay_seconds": 3600}
DRIVERS = 4
LOAD_ORDERS_MIN = 3
# What a page shows once it has its content.
PAGES = {
    "/": ".restaurant-card",
    "/restaurant": ".restaurant-choice",
    "/restaurant/pho-2": "#menu li",
    "/board": "#lag tbody th",
    "/simulator": "#phones tr",
}


def count(board: Page, status: str) -> Locator:
    """The number of orders in a status."""
    return board.locator("#order-counts li", has=board.get_by_text(status, exact=True)).locator("b")


async def live(person: Person) -> Page:
    """The board, once it hears of changes."""
    board = await person.open("/board")
    await expect(board.locator("#live")).to_have_text("Live")
    await expect(count(board, "Delivered")).to_be_visible()
    return board


async def test_counts_drivers_lag_and_workers_are_shown_live(desk: Person, world: World) -> None:
    """Numbers move with the orders; a worker that dies and comes back is told without a reload."""
    board = await live(desk)
    await expect(board.locator("#map-text")).to_contain_text(f"{DRIVERS} drivers")
    await expect(board.locator("#map .pin-driver")).to_have_count(DRIVERS)
    delivered = int(await count(board, "Delivered").inner_text())
    scheduled = int(await count(board, "Scheduled").inner_text())
    await world.submit(world.order(**LATER))
    await expect(count(board, "Scheduled")).to_have_text(str(scheduled + 1))
    order_id = await world.submit(world.order())
    await expect(board.locator("#map .pin-dot[data-status=door]")).not_to_have_count(0)
    await expect(count(board, "Delivered")).to_have_text(str(delivered + 1))
    await expect(board.locator("#events")).to_contain_text("OrderDelivered")
    await expect(board.locator("#events").get_by_title(order_id).first).to_be_visible()
    await expect(board.locator("#throughput svg")).to_be_visible()
    await expect(board.locator("#ages")).to_contain_text("Scheduled")

    for topic in ("order.commands", "delivery.commands", "matcher.commands", "driver.commands"):
        cells = board.locator("#lag tr", has_text=topic).first.locator("td")
        await expect(cells).to_have_text([re.compile(r"^\d+$")] * world.stack.plan.partitions)
    matcher = world.stack.programs["matcher"]
    await expect(board.locator("#workers")).to_contain_text("matcher ready")
    await asyncio.to_thread(matcher.kill)
    await expect(board.locator("#workers")).to_contain_text("matcher not ready")
    await asyncio.to_thread(matcher.start)
    await expect(board.locator("#workers")).to_contain_text("matcher ready")
    assert await is_same_page(board)


async def test_a_stuck_refund_is_shown_and_tried_again(desk: Person, world: World) -> None:
    """It appears by itself; the operator's button has it paid, and it is gone from the list."""
    board = await live(desk)
    order_id = await world.submit(world.order(**LATER, payment_token="tok_refund_refused"))
    await world.reaches(order_id, "SCHEDULED")
    await world.call(
        "POST", "order", f"/orders/{order_id}/cancel", {"by": "partner", "reason": "test"}
    )
    stuck = board.get_by_role("article", name=f"Order {order_id}")
    await expect(stuck).to_contain_text("Refund refused")
    await stuck.get_by_role("button", name="again").click()
    await expect(stuck).to_have_count(0)
    await expect(board.locator("#stuck-empty")).to_be_visible()
    (refund,) = (await world.get("order", f"/orders/{order_id}"))["refunds"]
    assert refund["status"] == "REFUNDED"
    assert await is_same_page(board)


async def test_dead_letters_are_replayed_or_explained(desk: Person, world: World) -> None:
    """What can be taken now is; what can't says why and stays until someone discards it."""
    desk.refusals = 1
    board = await live(desk)
    order = world.order()
    await world.produce("order.commands", order_id_of(order).encode(), bad_price(order))
    letter = board.locator(".letter", has_text="price_cents")
    await expect(letter).to_have_count(1)
    await expect(board.locator("#letters-count")).to_have_text("1")
    await replay(board, letter)
    await expect(board.locator("#toasts .bad")).to_contain_text("price_cents")
    await expect(letter).to_have_count(1)

    log = MemoryLog()
    value = {"type": "SubmitOrder", **order}
    await aside.put_aside(log, aside.record(value, "order.commands", order_id_of(order).encode()))
    (content,) = log.values("order.dead-letters")
    await world.produce("order.dead-letters", None, content)
    await expect(board.locator("#letters-count")).to_have_text("2")
    letter_id = msgspec.json.decode(content)["id"]
    good = board.locator(f".letter[data-key='order/{letter_id}']")
    await replay(board, good)
    await expect(good).to_have_count(0)
    await world.reaches(order_id_of(order), "DELIVERED")

    bad_id = str(await letter.get_attribute("data-key")).partition("/")[2]
    await done(world, "discard", bad_id, "--note", "a test")
    await expect(board.get_by_text("Every record could be taken.")).to_be_visible()
    await board.get_by_label("also the resolved").check()
    await expect(good).to_contain_text(re.compile(r"replayed\s*by operations board"))
    await expect(letter.filter(has_text="a test")).to_contain_text(
        re.compile(r"discarded\s*by ann")
    )


async def replay(board: Page, letter: Locator) -> None:
    """Presses the button of a letter, and says yes."""
    await letter.get_by_role("button", name="Replay").click()
    await board.get_by_role("dialog").get_by_role("button", name="Replay").click()


async def test_the_simulator_sends_orders_and_breaks_payments(desk: Person, world: World) -> None:
    """Orders come at the rate that was chosen; a fault has its effect until it is ended."""
    panel = await desk.open("/simulator")
    await panel.get_by_role("button", name="120 / min").click()
    placed = panel.locator("#load-placed")
    await expect(placed).to_have_text(re.compile(rf"^([{LOAD_ORDERS_MIN}-9]|\d\d+) placed so far"))
    await panel.get_by_role("button", name="None").click()
    await expect(panel.locator("#load-shown")).to_have_text("none")
    await expect(panel.get_by_text("No random orders come any more.")).to_be_visible()
    orders = (await world.get("order", "/orders?partner=tiffin-shop&limit=200"))["items"]
    assert len([each for each in orders if each["reference"].startswith("load-")]) >= (
        LOAD_ORDERS_MIN
    )

    await expect(panel.locator("#payments-state")).to_have_text("all well")
    await panel.get_by_label("Declines charges").press("End")
    await expect(panel.locator("#payments-state")).to_have_text("1 changed")
    await world.becomes("payments", "/faults", lambda faults: faults["decline_share"] == 1)
    shop = await desk.open("/")
    await buy(shop, "Alameda Burgers", Chicken_sandwich=1)
    await expect(shop.get_by_role("heading", level=1)).to_have_text("Your order was not taken")
    await expect(shop.locator("#facts")).to_contain_text("Nothing was charged.")
    await panel.get_by_role("button", name="End all faults").click()
    await expect(panel.locator("#payments-state")).to_have_text("all well")
    await world.reaches(await world.submit(world.order()), "DELIVERED")
    await expect(panel.locator("#phones tr")).to_have_count(DRIVERS)


@pytest.mark.parametrize("seen_by", ["phone", "desk"])
async def test_every_page_fits_its_screen_and_names_its_controls(
    seen_by: str, phone: Person, desk: Person, world: World
) -> None:
    """None scrolls sideways or has a control without a name; each has one heading of its own."""
    person = {"phone": phone, "desk": desk}[seen_by]
    order_id = await world.submit(world.order(delay_seconds=60))
    shop = await person.open("/")
    await fill_cart(shop, "Phở Mai", Bún_chả=3)
    await see(shop)
    checkout = await person.open("/#/checkout")
    await see(checkout)
    await checkout.get_by_label("Later").check()
    await checkout.get_by_role("button", name="Order and pay").click()
    await checkout.wait_for_url("**/track/*")
    await expect(checkout.locator("h1")).to_have_text("Planned")
    await see(checkout)
    for path, content in {**PAGES, f"/board/orders/{order_id}": "#records .record"}.items():
        page = await person.open(path)
        await expect(page.locator(content).first).to_be_visible()
        await see(page)


async def see(page: Page) -> None:
    """Looks at a page that has its content, and closes what is no longer needed."""
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_count(1)
    await expect(heading).to_be_visible()
    assert not await is_wider_than_its_screen(page), f"{page.url} is wider than its screen"
    assert not (nameless := await nameless_controls(page)), f"{page.url}: {nameless}"
    if "checkout" not in page.url:
        await page.close()
