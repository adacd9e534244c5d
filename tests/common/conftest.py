"""What the tests of the runtime share."""

from pathlib import Path

import pytest

from tests.common.deaths import Deaths, replace_die


@pytest.fixture(autouse=True)
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """The ends that the process would have come to."""
    return replace_die(monkeypatch)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that takes the broker is marked so."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "broker" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)
