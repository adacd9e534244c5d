"""A proof as a person reads it, and as a program does."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.verify.proof import Proof
from infra.verify.verdict import Finding, Verdict


def as_json(proof: Proof) -> str:
    """One JSON object: every finding of every rule, what was read, and the open orders."""
    rules = [
        {
            **asdict(verdict),
            "violated": len(verdict.violations),
        }
        for verdict in proof.verdicts
    ]
    content: dict[str, Any] = {
        "clean": proof.is_clean,
        "rules": rules,
        "read": dict(proof.read),
        "orders": dict(proof.statuses),
        "open": [asdict(order) for order in proof.open],
    }
    return msgspec.json.format(msgspec.json.encode(content)).decode()


def print_proof(console: Console, proof: Proof, shown_max: int) -> None:
    """A row per rule, then the findings, at most `shown_max` of each rule."""
    orders = ", ".join(f"{count} {status}" for status, count in sorted(proof.statuses.items()))
    console.print(f"Read {sum(proof.read.values())} records; orders: {orders or 'none'}.\n")
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    for name in ("checked", "violated", "notes"):
        table.add_column(name, justify="right")
    table.add_column("says")
    for verdict in proof.verdicts:
        colour = "red" if verdict.violations else "green"
        table.add_row(
            verdict.rule,
            str(verdict.checked),
            f"[{colour}]{len(verdict.violations)}[/]",
            str(len(verdict.notes)),
            verdict.title,
        )
    console.print(table)
    for verdict in proof.verdicts:
        _print_findings(console, verdict, "violations", verdict.violations, shown_max, "red")
        _print_findings(console, verdict, "notes", verdict.notes, shown_max, "dim")
    broken = sum(bool(verdict.violations) for verdict in proof.verdicts)
    total = sum(len(verdict.violations) for verdict in proof.verdicts)
    if proof.is_clean:
        console.print("\n[green]Clean[/]: no rule is broken.")
    else:
        console.print(f"\n[red]Violated[/]: {total} violations of {broken} rules.")


def _print_findings(
    console: Console,
    verdict: Verdict,
    what: str,
    findings: Iterable[Finding],
    shown_max: int,
    colour: str,
) -> None:
    all_findings = list(findings)
    if not all_findings:
        return
    console.print(f"\n[{colour}]{verdict.rule}: {len(all_findings)} {what}[/]")
    for finding in all_findings[:shown_max]:
        facts = [finding.aggregate, finding.text]
        if finding.order_id is not None and finding.order_id not in finding.aggregate:
            facts.append(f"order {finding.order_id}")
        if finding.place is not None:
            facts.append(f"at {finding.place}")
        console.print(escape("  " + "  ".join(facts)), style=colour, soft_wrap=True)
    if len(all_findings) > shown_max:
        console.print(f"  ... and {len(all_findings) - shown_max} more (--shown shows them)")
