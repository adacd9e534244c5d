"""A short chaos run on real processes, and proof that its judge can say no."""

from pathlib import Path

import pytest
from rich.console import Console

from infra.chaos.plan import Kind
from infra.chaos.report import Tale
from infra.chaos.run import ChaosSettings, judge, run_chaos
from infra.stack import Stack

SEED = 1108
SECONDS = 33.0
GAP_SHARE = 0.28
KINDS_MIN = len(Kind) * 3 // 4
NEVER_SEEN = "5ed4fe43-8e0a-5e6e-9493-c12a3fe2a9f8"

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def test_nothing_is_lost_and_nothing_happens_twice_whatever_dies(tmp_path: Path) -> None:
    """Orders under most kinds of faults; and an order that is lost would have been found."""
    settings = ChaosSettings(
        directory=tmp_path,
        seed=SEED,
        seconds=SECONDS,
        nodes=1,
        gap_share=GAP_SHARE,
        settle_seconds_max=300.0,
        needs_every_kind=False,
    )
    struck: list[Kind] = []
    verdicts: list[bool] = []

    def ask(stack: Stack, settings: ChaosSettings, tale: Tale) -> bool:
        struck.extend(tale.struck)
        verdicts.append(judge(stack, settings, tale))
        tale.acknowledged_by_kafka.add(NEVER_SEEN)
        verdicts.append(judge(stack, settings, tale))
        return verdicts[0]

    console = Console(width=200, highlight=False)
    assert run_chaos(settings, console, ask), f"seed {SEED}: see above"
    assert verdicts == [True, False]
    assert len(struck) >= KINDS_MIN
