"""The web front with what only the operators' tools can do: replaying and discarding dead letters.

As a program: python -m infra.web; settings are those of services/web.
"""

from dataclasses import replace
from datetime import UTC, datetime

from infra.dead_letters import topic
from infra.dead_letters.letters import Case, DeadLetterError, Letters, resolve, the_one
from infra.dead_letters.replay import replay
from services.common.codec import LANGUAGES
from services.common.messages.shared import LetterAction
from services.common.problem import ProblemError
from services.web.app import main
from services.web.board import LetterTools
from services.web.settings import Settings

BY, NOTE = "operations board", "replayed from the operations board"


def letter_tools(settings: Settings) -> LetterTools:
    """What `tiffin dead-letters replay` and `discard` do, with one letter."""
    connection = replace(settings, worker="dead-letters")

    async def open_case(service: str, letter_id: str) -> Case:
        if service not in LANGUAGES:
            raise ProblemError(404, f"there is no service {service}")
        letters = Letters(letter_id)
        await topic.read_letters(connection, [service], letters)
        case = the_one(letters.cases(), letter_id)
        if case.resolutions:
            raise ProblemError(409, "it was replayed or discarded before")
        return case

    async def replay_one(service: str, letter_id: str) -> list[str]:
        try:
            case = await open_case(service, letter_id)
            outgoing = replay(case, case.original_value)
            resolved = resolve(case, LetterAction.REPLAYED, BY, NOTE, datetime.now(UTC))
            appended = await topic.append(connection, outgoing) if outgoing else []
            told = replace(resolved, appended=tuple(appended))
            await topic.append_resolution(connection, case, told)
        except DeadLetterError as error:
            raise ProblemError(409, _told(error)) from error
        return appended

    async def discard_one(service: str, letter_id: str, note: str) -> None:
        try:
            case = await open_case(service, letter_id)
            resolved = resolve(case, LetterAction.DISCARDED, BY, note, datetime.now(UTC))
            await topic.append_resolution(connection, case, resolved)
        except DeadLetterError as error:
            raise ProblemError(409, str(error)) from error

    return LetterTools(replay_one, discard_one)


def _told(error: DeadLetterError) -> str:
    """Why it can't be done, for the page, which can correct nothing."""
    if not error.remedy:
        return error.problem
    return (
        f"{error.problem}. The board replays a record only as it is; to correct it first, "
        "use the command tiffin dead-letters"
    )


if __name__ == "__main__":
    main(letter_tools)
