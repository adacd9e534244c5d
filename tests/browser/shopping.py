"""What customers do in the shop, and what they see of an order."""

from playwright.async_api import Locator, Page, expect

RIDE_MS_MAX = 60_000
# Faults of the point of sale: somebody has to answer each order, and to say when it is ready.
BY_HAND = {"ask_share": 1, "accept_delay_seconds": 600, "callback_copies": 0}
# The last lines of a delivered order's timeline, first to last.
WHOLE_LIFE = (
    "Order placed",
    "Paid; the restaurant has the order",
    "The kitchen began",
    "Ready to be picked up",
    "A driver took it on",
    "Picked up by the driver",
    "Delivered",
)
# Notes where the driver is on the map, by what is drawn and not by what was sent: how far it is
# from the restaurant and from the door, in shares of the way between these two.
WATCH_DRIVER = """() => {
  window.ride = [];
  const at = (kind) => {
    const pin = document.querySelector(`#map .pin-${kind}`);
    const found = pin?.getAttribute("transform")?.match(/translate\\((\\S+) (\\S+)\\)/);
    return found ? [Number(found[1]), Number(found[2])] : null;
  };
  const apart = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);
  setInterval(() => {
    const [driver, restaurant, door] = ["driver", "restaurant", "door"].map(at);
    if (!driver || !restaurant || !door) return;
    const way = apart(restaurant, door);
    window.ride.push([apart(driver, restaurant) / way, apart(driver, door) / way]);
  }, 50);
}"""


async def fill_cart(page: Page, restaurant: str, **quantities: int) -> None:
    """Puts dishes of one restaurant into an empty cart; "_" in a name stands for a space."""
    await page.get_by_role("link", name=restaurant).click()
    await expect(page.get_by_role("heading", level=1, name=restaurant)).to_be_visible()
    for name, quantity in quantities.items():
        dish = name.replace("_", " ")
        await page.get_by_role("button", name=f"Add {dish}").click()
        for _ in range(quantity - 1):
            await page.get_by_role("button", name=f"One more {dish}").click()
        await expect(stepper(page, dish)).to_contain_text(str(quantity))


def stepper(page: Page, dish: str) -> Locator:
    """The control of how many of a dish are in the cart."""
    return page.get_by_role("group", name=f"Quantity of {dish}")


async def place_order(page: Page) -> str:
    """The id of the order that a full checkout becomes, once its own page is shown."""
    await page.get_by_role("button", name="Order and pay").click()
    return await followed(page)


async def followed(page: Page) -> str:
    """The id of the order whose page is shown, once it is; a reload of that page is noticed."""
    await page.wait_for_url("**/track/*")
    await expect(page.locator("#timeline li").first).to_contain_text("Order placed")
    await page.evaluate("window.isSamePage = true")
    return page.url.rpartition("/")[2].rpartition(".")[0]


async def buy(page: Page, restaurant: str, **quantities: int) -> str:
    """The id of an order for now, bought from the first page to the last."""
    await fill_cart(page, restaurant, **quantities)
    await page.goto("/#/checkout")
    return await place_order(page)


async def timeline(page: Page) -> list[str]:
    """What the page says has happened, first to last; a driver may have been lost on the way."""
    steps = page.locator("#timeline li:not(.next):not(.note) > span")
    return [text.strip() for text in await steps.all_inner_texts()]
