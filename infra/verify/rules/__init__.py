"""The rules over records and ledgers: each a pure function of the evidence."""

from collections.abc import Callable

from infra.verify.evidence import Evidence
from infra.verify.rules.commands import check_answers, check_commands
from infra.verify.rules.drivers import check_drivers
from infra.verify.rules.kitchen import check_schedule, check_tickets
from infra.verify.rules.money import check_charges, check_money
from infra.verify.rules.orders import check_orders, check_statuses
from infra.verify.rules.outcomes import check_outcomes
from infra.verify.rules.reactions import check_reactions
from infra.verify.rules.records import check_records
from infra.verify.rules.versions import check_versions
from infra.verify.rules.writers import check_writers
from infra.verify.verdict import Verdict

Rule = Callable[[Evidence], Verdict]

RULES: tuple[Rule, ...] = (
    check_records,
    check_versions,
    check_writers,
    check_commands,
    check_answers,
    check_charges,
    check_money,
    check_tickets,
    check_schedule,
    check_statuses,
    check_orders,
    check_drivers,
    check_reactions,
    check_outcomes,
)
