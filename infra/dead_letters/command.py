"""Shows the records that a service could not take, and replays or discards them."""

import argparse
import asyncio
import getpass
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from infra.dead_letters import text, topic
from infra.dead_letters.editor import edit
from infra.dead_letters.letters import (
    Case,
    DeadLetterError,
    Letters,
    resolve,
    the_one,
)
from infra.dead_letters.replay import replay
from services.common.codec import LANGUAGES, encode_plain
from services.common.messages.shared import LetterAction
from services.common.settings import CommonSettings, SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds list, show, replay and discard, each with its options."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--bootstrap",
        help="host:port[,host:port]; else TIFFIN_BOOTSTRAP, else 127.0.0.1:9092. TLS and SASL are "
        "set by the same TIFFIN_* variables as for a worker",
    )
    common.add_argument("--service", choices=LANGUAGES, help="only letters of this service")
    tasks = parser.add_subparsers(dest="task", required=True, metavar="list|show|replay|discard")

    task = tasks.add_parser("list", parents=[common], help="open letters, the oldest first")
    task.add_argument("--all", action="store_true", help="also those replayed or discarded")
    task.add_argument("--json", action="store_true", help="one JSON object per line")

    task = tasks.add_parser("show", parents=[common], help="all about one letter")
    _add_id(task)
    form = task.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as one JSON object")
    form.add_argument("--raw", action="store_true", help="only the value, byte by byte")

    task = tasks.add_parser(
        "replay",
        parents=[common],
        help="put a letter's record back where it came from",
        description="Puts a command back on its topic, or runs the reaction to an event again. "
        "Replayed twice, it counts once.",
    )
    _add_id(task)
    value = task.add_mutually_exclusive_group()
    value.add_argument("--value", type=Path, metavar="FILE", help="replay this value; - is stdin")
    value.add_argument("--edit", action="store_true", help="edit the value in $EDITOR first")
    task.add_argument("--key", help="the record's key; else that of the command's aggregate")
    task.add_argument("--note", default="", help="why, for others")
    task.add_argument("--dry-run", action="store_true", help="show what would be appended")
    task.add_argument("--again", action="store_true", help="also where it was resolved before")
    task.add_argument(
        "--force", action="store_true", help="also where the service would put it aside again"
    )

    task = tasks.add_parser("discard", parents=[common], help="nothing is to be done about it")
    _add_id(task)
    task.add_argument("--note", required=True, help="why, for others")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command and returns its exit code: 1 where what was asked can't be done."""
    try:
        settings = CommonSettings.from_env(os.environ)
        settings = replace(
            settings,
            bootstrap=arguments.bootstrap or settings.bootstrap,
            worker="dead-letters",
        )
        match arguments.task:
            case "list":
                _list(settings, arguments)
            case "show":
                _show(settings, arguments)
            case "replay":
                _replay(settings, arguments)
            case _:
                _discard(settings, arguments)
        sys.stdout.flush()
    except (DeadLetterError, SettingsError) as error:
        print(f"error: {text.printable(str(error))}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output has seen enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def _list(settings: CommonSettings, arguments: argparse.Namespace) -> None:
    cases = [case for case in _read(settings, arguments, None) if arguments.all or case.is_open]
    if arguments.json:
        for case in cases:
            print(encode_plain(text.summary(case)).decode())
    elif cases:
        print("\n".join(text.table(cases, datetime.now(UTC))))
    else:
        print("no dead letters" if arguments.all else "no open dead letters")


def _show(settings: CommonSettings, arguments: argparse.Namespace) -> None:
    case = _case(settings, arguments)
    if arguments.raw:
        sys.stdout.buffer.write(case.original_value or b"")
        sys.stdout.buffer.flush()
    elif arguments.json:
        print(encode_plain(text.whole(case)).decode())
    else:
        print("\n".join(text.page(case, datetime.now(UTC))))


def _replay(settings: CommonSettings, arguments: argparse.Namespace) -> None:
    case = _case(settings, arguments)
    if case.resolutions and not arguments.again:
        raise DeadLetterError(f"{_resolved(case)}; --again replays it all the same")
    value, path = case.original_value, None
    if arguments.edit:
        value, path = edit(value, os.environ)
    elif arguments.value is not None:
        value = _content(arguments.value)
    try:
        _replay_value(settings, arguments, case, value)
    except DeadLetterError as error:
        raise (
            error if path is None else DeadLetterError(f"{error}; what was edited is in {path}")
        ) from error
    if path is not None and arguments.dry_run:
        print(f"what was edited is in {path}")
    elif path is not None:
        path.unlink(missing_ok=True)


def _replay_value(
    settings: CommonSettings, arguments: argparse.Namespace, case: Case, value: bytes | None
) -> None:
    outgoing = replay(case, value, arguments.key, arguments.force)
    if arguments.dry_run:
        print("\n".join(text.preview(outgoing)) if outgoing else "nothing would be appended")
        return
    # Checks the note before anything is appended.
    edited = None if value == case.original_value else value
    resolved = resolve(
        case, LetterAction.REPLAYED, _user(), arguments.note, datetime.now(UTC), (), edited
    )
    appended = asyncio.run(topic.append(settings, outgoing)) if outgoing else []
    try:
        asyncio.run(
            topic.append_resolution(settings, case, replace(resolved, appended=tuple(appended)))
        )
    except DeadLetterError as error:
        raise DeadLetterError(
            f"the letter was replayed as {', '.join(appended) or 'nothing'}, but this could not "
            f"be recorded: {error}; replaying it again does no harm and records it"
        ) from error
    print(f"replayed {case.letter.id} as {', '.join(appended) or 'nothing: no command follows'}")


def _discard(settings: CommonSettings, arguments: argparse.Namespace) -> None:
    case = _case(settings, arguments)
    if case.resolutions:
        if case.resolutions[-1].action is LetterAction.DISCARDED:
            print(_resolved(case))
            return
        raise DeadLetterError(f"{_resolved(case)}, so there is nothing to discard")
    at = datetime.now(UTC)
    resolved = resolve(case, LetterAction.DISCARDED, _user(), arguments.note, at)
    asyncio.run(topic.append_resolution(settings, case, resolved))
    print(f"discarded {case.letter.id}")


def _case(settings: CommonSettings, arguments: argparse.Namespace) -> Case:
    return the_one(_read(settings, arguments, arguments.id), arguments.id)


def _read(
    settings: CommonSettings, arguments: argparse.Namespace, wanted: str | None
) -> list[Case]:
    letters = Letters(wanted)
    services = [arguments.service] if arguments.service else list(LANGUAGES)
    asyncio.run(topic.read_letters(settings, services, letters))
    if letters.unreadable:
        print(f"{letters.unreadable} records are no letters and are passed over", file=sys.stderr)
    return letters.cases()


def _resolved(case: Case) -> str:
    last = case.resolutions[-1]
    at = last.occurred_at.isoformat(timespec="seconds")
    return f"the letter {case.letter.id} was {last.action.value} by {last.by} at {at}"


def _content(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise DeadLetterError(f"{path} can't be read: {error.strerror or error}") from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"  # a container may run as a user that has no name


def _add_id(task: argparse.ArgumentParser) -> None:
    task.add_argument("id", metavar="ID", help="the letter's id, or how it begins")
