"""What the tests of the order service share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.order.fronts import World, opened


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A worker without orders."""
    async with opened(tmp_path) as made:
        yield made
