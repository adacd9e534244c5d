"""A short chaos run on real processes, and proof that the judge can say no."""

from pathlib import Path

import pytest
from rich.console import Console

from infra.chaos.report import Tale
from infra.chaos.run import ChaosSettings, judge, run_chaos
from infra.stack import Stack

SEED = 20
SECONDS = 40.0
UNKNOWN_ORDER = "5ed4fe43-8e0a-5e6e-9493-c12a3fe2a9f8"

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


def test_nothing_is_lost_and_nothing_happens_twice_whatever_dies(tmp_path: Path) -> None:
    """Orders under faults, on one broker and two workers a service; then the verifier."""
    settings = ChaosSettings(
        directory=tmp_path,
        seed=SEED,
        seconds=SECONDS,
        nodes=1,
        rate=1.0,
        gap_share=0.5,
        needs_every_kind=False,
    )
    verdicts = []

    def ask_twice(stack: Stack, settings: ChaosSettings, tale: Tale) -> bool:
        verdicts.append(judge(stack, settings, tale))
        # An order that was acknowledged, so it is said, and that nobody has ever seen.
        tale.acknowledged.add(UNKNOWN_ORDER)
        verdicts.append(judge(stack, settings, tale))
        return verdicts[0]

    console = Console(width=120, highlight=False)
    assert run_chaos(settings, console, ask_twice), f"seed {SEED}: see above"
    assert verdicts == [True, False]
