"""The calls to the outside world for one order: from the topic of calls, into its history."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from rich.text import Text

from infra.dead_letters.text import printable
from infra.look.errors import LookError
from infra.look.kinds import Row
from infra.look.outcome import Sources, settings
from infra.look.records import entry_of, facts_of
from infra.look.text import clock, short

CALLS = "order.calls"
# Between the clock of whoever wrote the order's beginning and the one who tells its calls.
CLOCKS_APART_MAX = timedelta(minutes=5)
STYLES = {"answered": "green", "unanswered": "yellow", "failed": "red", "dropped": "dim"}


def calls_of(sources: Sources, arguments: argparse.Namespace, order: Row) -> list[Row]:
    """The calls that were made for an order, first to last.

    They are told on a topic of their own. Where that can't be read, one sentence on stderr says so.
    """
    if "created_at" not in order:
        return []
    since = datetime.fromisoformat(str(order["created_at"])) - CLOCKS_APART_MAX
    try:
        return asyncio.run(_read(sources, arguments, str(order["order_id"]), since))
    except LookError as error:
        print(f"its calls are not shown: {printable(str(error))}", file=sys.stderr)
        return []


def history(events: Sequence[Row], calls: Sequence[Row]) -> Iterator[Text]:
    """A line for each event and call in the order of time, and one for each exchange of a call."""
    for each in sorted([*events, *calls], key=_instant):
        if each.get("type") == "CallMade":
            yield from _call(each)
        else:
            yield _event(each)


async def _read(
    sources: Sources, arguments: argparse.Namespace, order_id: str, since: datetime
) -> list[Row]:
    found: list[Row] = []
    async with sources.log(settings(arguments), [CALLS], True, since) as log:
        while not log.is_at_end:
            entries = map(entry_of, await log.more())
            found += [
                entry.content
                for entry in entries
                if entry.get("key") == order_id and entry.type == "CallMade"
            ]
    return sorted(found, key=_instant)


def _instant(row: Row) -> datetime:
    return datetime.fromisoformat(str(row["occurred_at"]))


def _event(event: Row) -> Text:
    line = Text(f"{clock(event.get('occurred_at'))}  ")
    line.append(f"{event.get('type', ''):22}  ", "cyan")
    line.append(facts_of(event))
    line.rstrip()
    return line


def _call(call: Row) -> Iterator[Text]:
    outcome = str(call.get("outcome", ""))
    line = Text(f"{clock(call.get('occurred_at'))}  ")
    line.append(f"{short(str(call.get('call', ''))):22}  ", "magenta")
    line.append(f"attempt {call.get('attempt')}  ")
    line.append(outcome, STYLES.get(outcome, ""))
    told = call.get("command_type") or call.get("error")
    line.append(f"  {call.get('duration_ms')} ms  {short(str(told or ''))}")
    line.rstrip()
    yield line
    for exchange in _exchanges(call):
        answer = exchange.get("status") or exchange.get("error") or "no answer"
        yield Text(
            f"          {exchange.get('method')} {short(str(exchange.get('url')))} -> "
            f"{short(str(answer))}",
            "dim",
        )


def _exchanges(call: Row) -> Iterable[Row]:
    told = call.get("exchanges")
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
