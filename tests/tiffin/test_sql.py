"""Queries over the tables of the fronts and over the event log; nothing else is read."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.look.errors import UnansweredError
from infra.look.tables import TABLES, FrontTable
from services.common import ids
from tests.tiffin.fakes import PATHS, World, full_world, record, run

ORDER_1 = ids.order_id("acme", "1")


def rows(world: World, sql: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What a query that can be run finds."""
    code = run(world, "sql", sql, "--json")
    told = capsys.readouterr()
    assert (code, told.err) == (0, "")
    return [json.loads(line) for line in told.out.splitlines()]


def test_a_result_is_a_table_or_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """As a person or a spreadsheet reads it."""
    sql = "SELECT status, count(*) AS orders, max(eta_at) AS eta FROM orders GROUP BY 1 ORDER BY 1"
    assert run(full_world(), "sql", sql) == 0
    assert capsys.readouterr().out.splitlines() == [
        "status       orders  eta",
        "CREATED      1       -",
        "DELIVERED    1       -",
        "IN_DELIVERY  1       2030-01-01T12:03:00Z",
    ]
    assert run(full_world(), "sql", sql, "--format", "csv") == 0
    assert capsys.readouterr().out.splitlines() == [
        "status,orders,eta",
        "CREATED,1,",
        "DELIVERED,1,",
        "IN_DELIVERY,1,2030-01-01T12:03:00Z",
    ]


def test_tables_and_the_log_are_joined(capsys: pytest.CaptureFixture[str]) -> None:
    """Parts of objects have names, and instants can be reckoned with."""
    found = rows(
        full_world(),
        "SELECT o.reference, o.items[1].name AS item, o.restaurant.region, e.type, e.version, "
        "e.content->'preparation_seconds' AS seconds, e.content, "
        "e.at - TIMESTAMPTZ '2030-01-01 00:00:00Z' AS after, sum(o.amount_cents / 100) OVER () "
        "FROM orders o JOIN order_events e ON e.correlation_id = o.order_id "
        "WHERE o.reference = '2' ORDER BY e.offset",
        capsys,
    )
    (row,) = found
    content = row.pop("content")
    assert isinstance(content, Mapping)
    assert content["type"] == "OrderAdmitted"
    assert list(row.values()) == ["2", "Taco", "san-jose", "OrderAdmitted", 3, 300, "0:00:02", 13.5]


@pytest.mark.parametrize(
    ("sql", "paths", "topics"),
    [
        ("SELECT 1", [], []),
        ("FROM orders", ["/orders"], []),
        ("FROM Regions JOIN drivers USING (region)", ["/regions", "/drivers"], []),
        ("WITH x AS (FROM restaurants) SELECT count(*) FROM x", ["/restaurants"], []),
        ("SELECT (SELECT count(*) FROM main.order_events)", [], ["order.events"]),
        ("SELECT 'orders' AS deliveries", [], []),
    ],
)
def test_only_what_is_named_is_read(
    sql: str, paths: list[str], topics: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """All its pages, each once."""
    world = full_world()
    rows(world, sql, capsys)
    asked = {url.partition("?")[0].rpartition("/")[2] for url in world.asked}
    assert asked == {path[1:] for path in paths}
    assert [topic for opened in world.opened for topic in opened] == topics


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_queried_though_it_is_empty(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its columns are known all the same."""
    world = World(rows={path: [] for path in PATHS.values()})
    assert rows(world, f"SELECT * FROM {name}", capsys) == []
    described = rows(world, f"DESCRIBE {name}", capsys)
    assert [row["column_name"] for row in described] == list(TABLES[name].columns)


@pytest.mark.parametrize("name", PATHS)
def test_a_table_has_what_its_front_shows(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field but the links, with its value."""
    table, world = TABLES[name], full_world()
    assert isinstance(table, FrontTable)
    shown = {key: value for key, value in world.rows[PATHS[name]][0].items() if key != "links"}
    assert set(table.columns) == set(shown)
    found = rows(world, f"FROM {name}", capsys)[0]
    assert {key: found[key] for key in shown} == shown


def test_rejections_and_dead_letters_are_tables_of_all_services(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With their topics."""
    world = World(
        records=[
            record("order.rejections", {"type": "CommandRejected", "version": "no number"}),
            record("driver.rejections", b"no JSON", key="k"),
            record("matcher.dead-letters", {"type": "DeadLetter", "value": "x" * 1_000_000}),
        ]
    )
    assert rows(world, "SELECT topic, key, type, version, content FROM rejections", capsys) == [
        {
            "topic": "order.rejections",
            "key": None,
            "type": "CommandRejected",
            "version": None,
            "content": {"type": "CommandRejected", "version": "no number"},
        },
        {
            "topic": "driver.rejections",
            "key": "k",
            "type": None,
            "version": None,
            "content": None,
        },
    ]
    assert rows(world, "SELECT len(content->>'value') AS n FROM dead_letters", capsys) == [
        {"n": 1_000_000}
    ]


def test_columns_of_one_name_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """None is lost in JSON."""
    assert rows(World(), "SELECT 1 AS a, 2 AS a", capsys) == [{"a": 1, "a_2": 2}]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT * FROM nope", "there is no table nope; there are orders, deliveries, "),
        ("FROM orders SELECT statsu", 'can\'t be run: Referenced column "statsu" not found'),
        ("SELEC 1", 'can\'t be run: syntax error at or near "SELEC"'),
        ("SELECT at, type FROM order_events", "a column named at needs its table before it"),
        ("", "one query is wanted, not 0"),
        ("SELECT 1; SELECT 2", "one query is wanted, not 2"),
        ("DROP TABLE orders", "only queries are run"),
        ("UPDATE orders SET status = 'DELIVERED'", "only queries are run"),
        ("COPY orders TO '/tmp/x.csv'", "only queries are run"),
        ("ATTACH '/tmp/x.db'", "only queries are run"),
        ("FROM read_csv('/etc/passwd')", "can't be run: Cannot access file"),
        ("FROM '/etc/passwd'", "there is no table /etc/passwd"),
        ("SELECT 'a'::INT", "can't be run: Could not convert string 'a' to INT32"),
    ],
)
def test_what_can_not_be_run_is_told_in_one_sentence(
    sql: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 2, and before any service is asked."""
    world = full_world()
    assert run(world, "sql", sql) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert (world.asked, world.opened) == ([], [])


def test_what_does_not_answer_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A service or the broker, in one sentence, with 2."""
    from infra import tiffin

    words = ["sql", "FROM drivers", "--driver-url", "http://127.0.0.1:1"]
    assert tiffin.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the driver service at http://127.0.0.1:1 does not answer: ")
    world = World(log_error=UnansweredError("no broker answers at 127.0.0.1:9092"))
    assert run(world, "sql", "FROM order_events") == 2
    assert capsys.readouterr().err == "error: no broker answers at 127.0.0.1:9092\n"


def test_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables lie in a folder of the query's own while it runs."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows(full_world(), "FROM orders", capsys)
    assert list(tmp_path.iterdir()) == []
