"""A real stack with its web pages, a headless Chromium, and people who look through it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, async_playwright, expect

from infra.browser import chromium
from infra.stack import Stack, StackPlan
from tests.browser.person import Person
from tests.e2e.conftest import FAST
from tests.e2e.world import World, supervised

WAIT_MS_MAX = 30_000
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# Drivers near enough and slow enough to be watched.
WATCHABLE = {
    **FAST,
    "TIFFIN_SANDBOX_SPEED_MPS": "250",
    "TIFFIN_DRIVER_SPEED_MPS": "250",
    "TIFFIN_SANDBOX_REGION_SPREAD_DEGREES": "0.012",
    "TIFFIN_SANDBOX_LOCATION_SECONDS": "0.5",
}
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remembers of a test that it failed, for the screenshots."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session")
def executable() -> Path:
    """The Chromium, which is fetched when it is not here yet."""
    return chromium()


@pytest.fixture(scope="module")
def stack(executable: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One worker of each service, the sandbox and the web front."""
    yield from running(tmp_path_factory.mktemp("web"))


def running(directory: Path, environment: Mapping[str, str] = WATCHABLE) -> Iterator[Stack]:
    """A stack that people can look at, until the generator is closed."""
    plan = StackPlan.on_free_ports(directory, environment=environment, with_web=True)
    stack = Stack(plan)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    """The stack behind the pages, seen by its own interfaces."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client, supervised(stack):
        yield World(stack, client)


@pytest.fixture
async def browser(executable: Path) -> AsyncIterator[Browser]:
    """A browser with nobody at it."""
    expect.set_options(timeout=WAIT_MS_MAX)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable)
        yield browser
        await browser.close()


@pytest.fixture
async def desk(
    browser: Browser, world: World, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Person]:
    """A person at a desk."""
    async with _person(browser, world.url("web"), request, tmp_path, is_phone=False) as person:
        yield person


@pytest.fixture
async def phone(
    browser: Browser, world: World, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Person]:
    """A person with a phone."""
    async with _person(browser, world.url("web"), request, tmp_path, is_phone=True) as person:
        yield person


@asynccontextmanager
async def _person(
    browser: Browser, home: str, request: pytest.FixtureRequest, tmp_path: Path, is_phone: bool
) -> AsyncIterator[Person]:
    async with AsyncExitStack() as closing:
        context = await browser.new_context(
            base_url=home,
            viewport=PHONE if is_phone else DESK,  # type: ignore[arg-type]
            is_mobile=is_phone,
            has_touch=is_phone,
            locale="en-US",
            timezone_id="America/Los_Angeles",
        )
        closing.push_async_callback(context.close)
        context.set_default_timeout(WAIT_MS_MAX)
        person = Person(context, home)
        yield person
        if request.node.stash.get(FAILED, False):
            await person.save_screenshots(tmp_path, "phone" if is_phone else "desk")
        else:
            person.check()
