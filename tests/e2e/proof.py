"""`tiffin verify` as a step of a test: an independent look at topics, fronts and ledgers."""

import asyncio
from collections.abc import Iterable, Mapping

from infra.stack import SERVICES
from infra.verify.evidence import Patience
from infra.verify.proof import prove
from infra.verify.verdict import Verdict
from tests.e2e.world import World

SETTLE_SECONDS = 3.0
OPEN_SECONDS_MAX = 300.0


async def proven_clean(world: World, acknowledged: Iterable[str]) -> Mapping[str, Verdict]:
    """The verdicts by rule, none with a violation, once all has had its time to settle.

    Args:
        acknowledged: ids of orders that must be in the log.
    """
    await asyncio.sleep(SETTLE_SECONDS + 1)
    urls = {name: world.url(name) for name in (*SERVICES, "payments", "pos")}
    patience = Patience(SETTLE_SECONDS, SETTLE_SECONDS, OPEN_SECONDS_MAX)
    proof = await prove(world.stack.bootstrap, urls, patience, frozenset(acknowledged))
    assert proof.is_clean, [each for each in proof.verdicts if each.violations]
    return {verdict.rule: verdict for verdict in proof.verdicts}
