"""What the operations board is told of a replay."""

from collections.abc import Sequence

import pytest

from infra import web
from infra.dead_letters.letters import Letters
from services.common.problem import ProblemError
from services.common.settings import CommonSettings
from services.web.settings import Settings
from tests.common.memory_log import MemoryLog
from tests.dead_letters.aside import BAD_PRICE, put_aside, record

SETTINGS = Settings(track_secret="a secret of this test")


async def test_a_record_that_needs_correcting_is_refused_in_the_words_of_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """409, with what is wrong with it; options of the command are of no use there."""
    log = MemoryLog()
    await put_aside(log, record(BAD_PRICE))

    async def read(settings: CommonSettings, services: Sequence[str], letters: Letters) -> None:
        for each in log.read("order.dead-letters"):
            letters.take("order", each)

    monkeypatch.setattr("infra.dead_letters.topic.read_letters", read)
    letters = Letters("")
    for each in log.read("order.dead-letters"):
        letters.take("order", each)
    (case,) = letters.cases()
    with pytest.raises(ProblemError) as caught:
        await web.letter_tools(SETTINGS).replay("order", case.letter.id)
    assert caught.value.status == 409
    assert "price_cents" in caught.value.detail
    assert "--" not in caught.value.detail
    assert "The board replays a record only as it is" in caught.value.detail
    with pytest.raises(ProblemError, match="there is no service"):
        await web.letter_tools(SETTINGS).replay("kitchen", case.letter.id)
