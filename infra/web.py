"""The web front with what only the operators' tools can do: replaying dead letters.

As a program: python -m infra.web; settings are those of services/web.
"""

from dataclasses import replace
from datetime import UTC, datetime

from infra.dead_letters import topic
from infra.dead_letters.letters import DeadLetterError, Letters, resolve, the_one
from infra.dead_letters.replay import replay
from services.common.codec import LANGUAGES
from services.common.messages.shared import LetterAction
from services.common.problem import ProblemError
from services.web.app import main
from services.web.board import Replay
from services.web.settings import Settings

BY, NOTE = "operations board", "replayed from the operations board"


def replay_with(settings: Settings) -> Replay:
    """A replay of one letter, as `tiffin dead-letters replay` does it."""
    connection = replace(settings, worker="dead-letters")

    async def run(service: str, letter_id: str) -> list[str]:
        if service not in LANGUAGES:
            raise ProblemError(404, f"there is no service {service}")
        letters = Letters(letter_id)
        try:
            await topic.read_letters(connection, [service], letters)
            case = the_one(letters.cases(), letter_id)
            if case.resolutions:
                raise ProblemError(409, "it was replayed or discarded before")
            outgoing = replay(case, case.original_value)
            resolved = resolve(case, LetterAction.REPLAYED, BY, NOTE, datetime.now(UTC))
            appended = await topic.append(connection, outgoing) if outgoing else []
            told = replace(resolved, appended=tuple(appended))
            await topic.append_resolution(connection, case, told)
        except DeadLetterError as error:
            raise ProblemError(409, _told(error)) from error
        return appended

    return run


def _told(error: DeadLetterError) -> str:
    """Why it can't be done, for the page, which can correct nothing."""
    if not error.remedy:
        return error.problem
    return (
        f"{error.problem}. The board replays a record only as it is; to correct it first, "
        "use the command tiffin dead-letters"
    )


if __name__ == "__main__":
    main(replay_with)
