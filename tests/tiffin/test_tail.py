"""Records of topics, decoded: what is there in the order of time, then what comes."""

import json

import pytest

from infra.look.errors import UnansweredError
from infra.look.records import topics_named
from services.common import ids
from tests.tiffin.fakes import World, admitted, delivered, full_world, record, run

ORDER_1, ORDER_2 = (ids.order_id("acme", each) for each in "12")


def test_each_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """When, of which order, what, where, and what it says."""
    assert run(full_world(), "tail", "order.events", "--from-beginning", "--no-follow") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"00:00:00  {ORDER_1[:8]}  OrderAdmitted           order.events/0/0        "
        "preparation_seconds=300  accept_seconds_max=690",
        f"00:00:01  {ORDER_1[:8]}  OrderDelivered          order.events/0/1",
        f"00:00:02  {ORDER_2[:8]}  OrderAdmitted           order.events/0/2        "
        "preparation_seconds=300  accept_seconds_max=690",
    ]


@pytest.mark.parametrize("wanted", [ORDER_1, ORDER_1[:6], "acme/1"])
def test_only_what_has_to_do_with_an_order(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the record's key, its content or what it is correlated with names the order."""
    world = full_world()
    world.records += [
        record("order.commands", {"type": "SubmitOrder", "partner": "acme", "reference": "1"}),
        record("order.dead-letters", {"key": ORDER_1, "reason": "bad"}),
        record("matcher.events", {"type": "DriverRequested", "correlation_id": ORDER_1}),
        record("driver.commands", b"no JSON", key=ORDER_1),
        record("order.commands", {"type": "SubmitOrder", "partner": "acme", "reference": "7"}),
    ]
    words = ["--order", wanted, "--from-beginning", "--no-follow", "--json"]
    assert run(world, "tail", "*", *words) == 0
    topics = [json.loads(line)["topic"] for line in capsys.readouterr().out.splitlines()]
    assert sorted(topics) == [
        "driver.commands",
        "matcher.events",
        "order.commands",
        "order.dead-letters",
        "order.events",
        "order.events",
    ]


def test_partitions_are_told_in_the_order_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Though one is read before the other."""
    world = World(records=[admitted("1", 5), delivered("1", 6), admitted("2", 1, partition=1)])
    assert run(world, "tail", "order.events", "--from-beginning", "--no-follow", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["offset"] for row in rows] == [1, 5, 6]


def test_what_comes_is_told_until_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    """From now on, where nothing else is said; Ctrl-C ends it with 0."""
    world = full_world()
    assert run(world, "tail", "order.events") == 0
    assert capsys.readouterr().out == ""
    assert run(world, "tail", "order.events", "--from-beginning") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_it_ends_after_so_many(capsys: pytest.CaptureFixture[str]) -> None:
    """The oldest first."""
    words = ["tail", "order.events", "--from-beginning", "--count", "2"]
    assert run(full_world(), *words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_json_has_the_columns_of_a_query(capsys: pytest.CaptureFixture[str]) -> None:
    """And the whole content, but for what could charge a customer or open a door."""
    content = {"type": "SubmitOrder", "payment_token": "tok", "nested": [{"code": "1234", "a": 1}]}
    world = World(records=[record("order.commands", content, key="k", second=3)])
    words = ["tail", "order.commands", "--from-beginning", "--no-follow"]
    assert run(world, *words, "--json") == 0
    row = json.loads(capsys.readouterr().out)
    assert row.pop("problem").startswith("the record does not fit its schema")
    assert row == {
        "topic": "order.commands",
        "partition": 0,
        "offset": 3,
        "at": "2030-01-01T00:00:03.000Z",
        "key": "k",
        "type": "SubmitOrder",
        "id": ids.derive("order.commands/0/3", "command"),
        "version": None,
        "causation_id": None,
        "correlation_id": None,
        "content": {"type": "SubmitOrder", "nested": [{"a": 1}]},
    }
    assert run(world, *words) == 0
    assert "tok" not in capsys.readouterr().out


def test_a_record_that_is_no_message_is_told_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, whatever its bytes are."""
    world = World(records=[record("order.commands", b"\x1b[2J\xff\n", key="\x1b[2J\n")])
    assert run(world, "tail", "order.commands", "--from-beginning", "--no-follow") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "\x1b" not in line
    assert "not JSON" in line
    assert "unreadable: the record is not a JSON object" in line


def test_an_unknown_topic_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    assert run(World(), "tail", "order.event") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: there is no topic order.event; there are order.commands, ")


def test_a_pattern_stands_for_topics() -> None:
    """Each topic once."""
    events = [f"{owner}.events" for owner in ("order", "restaurant", "delivery", "matcher")]
    assert topics_named(["order.events", "*.events"]) == [*events, "driver.events"]


def test_a_broker_that_is_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, with 2."""
    world = World(log_error=UnansweredError("no broker answers at 127.0.0.1:9092"))
    assert run(world, "tail", "order.events") == 2
    assert capsys.readouterr().err == "error: no broker answers at 127.0.0.1:9092\n"


def test_kafka_is_reached_as_by_a_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad setting is told in one line, and so is a broker that does not answer."""
    from infra import tiffin

    assert tiffin.main(["tail", "order.events", "--bootstrap", "127.0.0.1:1"]) == 2
    assert capsys.readouterr().err == "error: no broker answers at 127.0.0.1:1\n"
    monkeypatch.setenv("TIFFIN_APPEND_SECONDS_MAX", "soon")
    assert tiffin.main(["tail", "order.events"]) == 2
    assert "TIFFIN_APPEND_SECONDS_MAX" in capsys.readouterr().err
