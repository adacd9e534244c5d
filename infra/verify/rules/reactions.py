"""Rule: what one service says reaches the services that act on it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from infra.verify.entry import OWNERS, Entry
from infra.verify.evidence import Evidence
from infra.verify.rules.reaction_tables import REACTIONS, TOLD, Reaction
from infra.verify.rules.regions import pair_of
from infra.verify.verdict import Findings, Verdict, of_entry

About = tuple[str, ...]

# What an event is about that names neither a delivery nor a driver of its own.
NOT_SAID = ("None", "None")


def check_reactions(evidence: Evidence) -> Verdict:
    """Every settled event has the event that it leads to elsewhere, or a refusal of it."""
    found = Findings()
    for reaction in REACTIONS:
        _check_reaction(evidence, found, reaction)
    for told in TOLD:
        for entry in evidence.events(told.owner, told.type):
            topic = f"{told.target}.commands"
            if not _fits(entry, told.where) or not _is_due(evidence, entry, topic):
                continue
            found.checked += 1
            types = {each.type for each in evidence.reactions.get(entry.id, ())}
            if told.command not in types and entry.place not in evidence.put_aside:
                text = f"{told.type} has no {told.command} in {topic}"
                found.violations.append(of_entry(entry, text))
    return found.verdict("reactions", "what one service says reaches those who act on it")


def _check_reaction(evidence: Evidence, found: Findings, reaction: Reaction) -> None:
    arrived, own = set[About](), defaultdict[tuple[str, int], set[About]](set)
    for event in evidence.all_events(reaction.target, *reaction.target_types):
        about = _about(event, reaction.by)
        arrived.add(about)
        own[event.get("source") or "", event.get("source_version") or 0].add(about)
    excused = {
        _about(event, reaction.by)
        for event in evidence.all_events(reaction.target, *reaction.unless)
    }
    for entry in evidence.events(reaction.owner, *reaction.types):
        topic = f"{reaction.target}.events"
        if not _fits(entry, reaction.where) or not _is_due(evidence, entry, topic):
            continue
        source = f"{reaction.owner}/{entry[OWNERS[reaction.owner]]}"
        there = own[source, entry["version"]] if reaction.is_own else arrived
        for about in _abouts(entry, reaction):
            found.checked += 1
            is_there = about in there or NOT_SAID in there
            if not is_there and about not in excused:
                _judge_missing(evidence, found, reaction, entry, about)


def _judge_missing(
    evidence: Evidence, found: Findings, reaction: Reaction, entry: Entry, about: About
) -> None:
    wanted = " or ".join(reaction.target_types)
    text = f"{entry.type} of {', '.join(about)} has no {wanted} in {reaction.target}.events"
    commands = [
        each
        for each in evidence.reactions.get(entry.id, ())
        if each.topic == f"{reaction.target}.commands"
    ]
    refusals = [evidence.refused[each.id] for each in commands if each.id in evidence.refused]
    if refusals:
        reason = refusals[0].get("detail")
        found.notes.append(of_entry(entry, f"{text}: refused, {reason}"))
    elif entry.place not in evidence.put_aside and _would_be_known(evidence, reaction, entry):
        found.violations.append(of_entry(entry, text))


def _would_be_known(evidence: Evidence, reaction: Reaction, entry: Entry) -> bool:
    """True where a refusal of the reaction, and the command that it names, were kept."""
    kinds = ("commands", "rejections")
    return all(evidence.is_kept(f"{reaction.target}.{kind}", entry.at) for kind in kinds)


def _fits(entry: Entry, where: Mapping[str, Any]) -> bool:
    return all(
        entry.get(name) is not None if wanted is None else entry.get(name) == wanted
        for name, wanted in where.items()
    )


def _is_due(evidence: Evidence, entry: Entry, topic: str) -> bool:
    return evidence.is_settled(entry) and evidence.is_kept(topic, entry.at)


def _abouts(entry: Entry, reaction: Reaction) -> list[About]:
    """What is to arrive: one answer to the event, or one to each of its offers."""
    if reaction.owner == "matcher":
        return [pair_of(offer) for offer in entry["offers"]]
    return [_about(entry, reaction.by)]


def _about(entry: Entry, by: tuple[str, ...]) -> About:
    """What the event is about, by the named fields."""
    inner = entry.get("delivery")
    fields = {**inner, **entry.content} if isinstance(inner, Mapping) else entry.content
    return tuple(str(fields.get(name)) for name in by)
