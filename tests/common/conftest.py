"""What the tests of the runtime share."""

import pytest

from tests.common.deaths import Deaths, replace_die


@pytest.fixture(autouse=True)
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """The ends that the process would have come to."""
    return replace_die(monkeypatch)
