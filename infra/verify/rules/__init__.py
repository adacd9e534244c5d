"""The rules over records and ledgers: each a pure function of the evidence."""

from collections.abc import Callable

from infra.verify.evidence import Evidence
from infra.verify.rules.admissions import check_admissions
from infra.verify.rules.charges import check_charges
from infra.verify.rules.codes import check_codes
from infra.verify.rules.commands import check_answers, check_commands
from infra.verify.rules.drivers import check_drivers
from infra.verify.rules.money import check_money
from infra.verify.rules.orders import check_orders
from infra.verify.rules.outcomes import check_outcomes
from infra.verify.rules.reactions import check_reactions
from infra.verify.rules.records import check_records
from infra.verify.rules.returns import check_returns
from infra.verify.rules.schedule import check_schedule
from infra.verify.rules.statuses import check_statuses
from infra.verify.rules.tickets import check_tickets
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
    check_admissions,
    check_charges,
    check_money,
    check_tickets,
    check_schedule,
    check_statuses,
    check_orders,
    check_drivers,
    check_codes,
    check_returns,
    check_reactions,
    check_outcomes,
)
