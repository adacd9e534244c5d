"""A person at a browser: what it opens, what keys lead it to, what goes wrong in its pages."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response

TABS_MAX = 80
REFUSED = 400
ABSENT = 404
# Chromium's own word for any answer from 400 on; those are told from the answers themselves.
FAILED_TO_LOAD = "Failed to load resource"
# What can be operated; Chromium's names of roles.
CONTROLS = frozenset(
    {"application", "button", "checkbox", "combobox", "link", "listbox", "radio", "searchbox"}
    | {"slider", "spinbutton", "switch", "textbox", "DisclosureTriangle", "InputTime", "DateTime"}
)


# Without slots: Playwright keeps something of its own at whoever listens to a page.
@dataclass
class Person:
    """One browser context, whose pages must be without trouble.

    context: whose relative addresses are those of the web front.
    is_disturbed: the test breaks this person's connections, so that requests may fail.
    refusals: how many requests the test wants to see refused.
    absent: what the pages may ask for although it may not be there, as a part of its address.
    """

    context: BrowserContext
    home: str
    is_disturbed: bool = False
    refusals: int = 0
    absent: str = "/api/order/restaurants/"
    trouble: list[str] = field(default_factory=list)
    _refused: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        """A new page at this path of the web front, marked so that a reload is noticed."""
        page = await self.context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.trouble.append(f"{page.url}: {error}"))
        page.on("request", self._on_request)
        page.on("response", self._on_response)
        await page.goto(path)
        await page.evaluate("window.isSamePage = true")
        return page

    async def save_screenshots(self, directory: Path, name: str) -> None:
        """Shows every open page as it is now."""
        for number, page in enumerate(self.context.pages):
            await page.screenshot(path=directory / f"{name}-{number}.png", full_page=True)

    def check(self) -> None:
        """Fails when a page said something on the console, asked another host or was refused."""
        trouble = self.trouble if self.is_disturbed else [*self.trouble, *self._unwanted()]
        assert not trouble, "\n".join(trouble)

    def _unwanted(self) -> list[str]:
        return [] if len(self._refused) == self.refusals else self._refused or ["nothing refused"]

    def _on_console(self, message: ConsoleMessage) -> None:
        is_told_otherwise = FAILED_TO_LOAD in message.text or self.is_disturbed
        if message.type in ("error", "warning") and not is_told_otherwise:
            self.trouble.append(f"{message.page and message.page.url}: {message.text}")

    def _on_request(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        if host and host != urlsplit(self.home).netloc:
            self.trouble.append(f"{request.frame.url} asks another host: {request.url}")

    def _on_response(self, response: Response) -> None:
        is_absent = response.status == ABSENT and self.absent in response.url
        if response.status >= REFUSED and not is_absent:
            self._refused.append(f"{response.request.method} {response.url}: {response.status}")


async def tab_to(page: Page, wanted: Locator) -> None:
    """Moves the focus to an element as who has no mouse does.

    Raises:
        AssertionError: the Tab key does not lead there.
    """
    for _ in range(TABS_MAX):
        if await wanted.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} can't be reached with the Tab key")


async def is_same_page(page: Page) -> bool:
    """Whether the page was not loaded anew since it was opened."""
    return bool(await page.evaluate("window.isSamePage === true"))


async def is_wider_than_its_screen(page: Page) -> bool:
    """Whether a person would have to scroll sideways."""
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )


async def nameless_controls(page: Page) -> list[str]:
    """What can be operated but says to a screen reader nothing of what it does."""
    session = await page.context.new_cdp_session(page)
    nodes = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    await session.detach()
    shown = [node for node in nodes if not node.get("ignored")]
    controls = [node for node in shown if node.get("role", {}).get("value") in CONTROLS]
    assert controls, f"{page.url} has no control at all"
    return [str(node) for node in controls if not node.get("name", {}).get("value", "").strip()]
