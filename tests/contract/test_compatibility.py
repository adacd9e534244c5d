"""Every schema reads what every release wrote, and every release reads what is written now."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from infra.schema_release import released_schemas

from .compatibility import incompatibilities
from .language import schemas

ORDER = "tiffin.order.OrderCreated"
SNAPSHOT = "tiffin.driver.DriverSnapshotted"


def _field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    field: dict[str, Any] = next(each for each in schema["fields"] if each["name"] == name)
    return field


def _after(name: str, change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What breaks when one message of the language is changed."""
    changed: dict[str, Any] = copy.deepcopy(dict(schemas()[name]))
    change(changed)
    return list(incompatibilities(schemas(), {**schemas(), name: changed}))


def test_there_is_a_release() -> None:
    assert released_schemas()


@pytest.mark.parametrize("version", released_schemas())
def test_the_language_is_compatible_with_every_release(version: str) -> None:
    assert list(incompatibilities(released_schemas()[version], schemas())) == []


def test_a_message_that_has_vanished_is_found() -> None:
    rest = {name: schema for name, schema in schemas().items() if name != ORDER}
    assert list(incompatibilities(schemas(), rest)) == [f"{ORDER} has vanished"]


def test_a_new_message_breaks_nothing() -> None:
    new = {**schemas()[ORDER], "name": "OrderPraised"}
    assert list(incompatibilities(schemas(), {**schemas(), "tiffin.order.OrderPraised": new})) == []


def test_a_removed_field_without_default_is_found() -> None:
    (found,) = _after(ORDER, lambda schema: schema["fields"].remove(_field(schema, "partner")))
    assert "the release cannot read new records: partner" in found


def test_a_removed_field_with_default_breaks_nothing() -> None:
    assert not _after(ORDER, lambda schema: schema["fields"].remove(_field(schema, "ready_at")))


def test_a_new_field_without_default_is_found() -> None:
    (found,) = _after(
        ORDER, lambda schema: schema["fields"].append({"name": "tip", "type": "long"})
    )
    assert "records of the release cannot be read: tip" in found


def test_a_new_field_with_default_breaks_nothing() -> None:
    tip = {"name": "tip", "type": "long", "default": 0}
    assert not _after(ORDER, lambda schema: schema["fields"].append(tip))


@pytest.mark.parametrize(
    ("name", "field", "kind"),
    [
        (ORDER, "amount_cents", "string"),
        (ORDER, "amount_cents", "double"),
        (ORDER, "amount_cents", "int"),
        (ORDER, "amount_cents", ["null", "long"]),
        (ORDER, "occurred_at", "string"),
        (ORDER, "ready_at", ["null", "string"]),
        (ORDER, "ready_at", {"type": "string", "format": "date-time"}),
        (ORDER, "currency", {"type": "string", "format": "date-time"}),
        (ORDER, "items", {"type": "array", "items": "string"}),
        (SNAPSHOT, "sources", {"type": "map", "values": "string"}),
        (SNAPSHOT, "status", "string"),
    ],
)
def test_a_changed_type_is_found(name: str, field: str, kind: object) -> None:
    assert _after(name, lambda schema: _field(schema, field).update(type=kind))


def test_a_change_deep_inside_is_found() -> None:
    def change(schema: dict[str, Any]) -> None:
        item = _field(schema, "items")["type"]["items"]
        _field(item, "price_cents")["type"] = "string"

    assert len(_after(ORDER, change)) == 2


def test_another_status_breaks_nothing() -> None:
    assert not _after(
        SNAPSHOT, lambda schema: _field(schema, "status")["type"]["symbols"].append("RESTING")
    )


def test_a_status_that_has_vanished_is_found() -> None:
    (found,) = _after(
        SNAPSHOT, lambda schema: _field(schema, "status")["type"]["symbols"].remove("AVAILABLE")
    )
    assert "symbols have vanished: AVAILABLE" in found
