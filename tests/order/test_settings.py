"""Settings of the order service."""

from dataclasses import fields

import pytest

from services.common.messages.order import PREPARATION_SECONDS_MAX
from services.common.messages.restaurant import ACCEPT_SECONDS_MAX
from services.common.settings import SettingsError
from services.order.domain import Policy
from services.order.settings import LIMIT_SECONDS_MAX, Settings


def test_every_limit_that_orders_are_decided_with_is_a_setting() -> None:
    """Under its own name, in the environment too."""
    policy = Settings().policy
    for field in fields(Policy):
        default = getattr(policy, field.name)
        other = "x" if isinstance(default, str) else default + 1
        settings = Settings.from_env({f"TIFFIN_{field.name.upper()}": str(other)})
        assert getattr(settings.policy, field.name) == other != default
        assert type(getattr(settings.policy, field.name)) is type(default)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DRIVER_SPEED_MPS", "0"),
        ("REFUSAL_GRACE_SECONDS", "1e12"),
        ("PICKUP_SECONDS_MAX", f"{LIMIT_SECONDS_MAX + 1}"),
        ("PREPARATION_SECONDS", "99999999999"),
        ("PREPARATION_SECONDS", f"{PREPARATION_SECONDS_MAX + 1}"),
        ("ACCEPT_SECONDS_MAX", f"{ACCEPT_SECONDS_MAX + 1}"),
    ],
)
def test_a_limit_that_no_instant_can_be_reckoned_with_is_refused(name: str, text: str) -> None:
    """At the start, not with the first order; no order may be admitted with more."""
    with pytest.raises(SettingsError, match=f"TIFFIN_{name} is .* is wanted"):
        Settings.from_env({f"TIFFIN_{name}": text})
