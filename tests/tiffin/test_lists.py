"""Lists and single rows of every kind, as a person and as a program reads them."""

import json

import pytest

from services.common import ids
from tests.tiffin.fakes import PATHS, World, full_world, new_order, region, run

ORDER_1, ORDER_2, ORDER_3 = (ids.order_id("acme", each) for each in "123")
DELIVERY_3 = ids.delivery_id(ORDER_3)

GOLDEN = {
    "orders": f"""\
order                                 status       age    partner/reference  customer  restaurant  \
amount     eta       driver    flags
{ORDER_3}  IN_DELIVERY  1 min  acme/3             cust-42   taqueria-1  \
13.50 USD  12:03:00  driver-1
{ORDER_2}  CREATED      2 min  acme/2             cust-42   taqueria-1  \
13.50 USD  -         -         payment_late
{ORDER_1}  DELIVERED    3 min  acme/1             -         taqueria-1  13.50 USD  -         -
""",
    "deliveries": f"""\
delivery                              status     age    region    driver    eta       \
order                                 flags
{DELIVERY_3}  PICKED_UP  3 min  san-jose  driver-1  12:00:00  {ORDER_3}  late
""",
    "drivers": """\
driver    status     region    location             heard  delivery
driver-1  AVAILABLE  san-jose  37.33050,-121.89050  3 min  -
driver-2  AVAILABLE  san-jose  37.33050,-121.89050  3 min  -
""",
    "regions": """\
region    waiting deliveries  available drivers  open offers  changed
san-jose  0                   0                  0            3 min
""",
    "restaurants": """\
restaurant  status  until  wall clock  in hours  snoozed items
taqueria-1  OPEN    -      -           yes       -
""",
}


def _golden(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("kind", PATHS)
def test_a_list_is_a_table(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line per row, over all pages."""
    assert run(full_world(), kind, "list") == 0
    assert _golden(capsys.readouterr().out) == _golden(GOLDEN[kind])


@pytest.mark.parametrize("kind", PATHS)
def test_a_list_is_json_for_programs(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object per line, as the front has it."""
    world = full_world()
    assert run(world, kind, "list", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == world.rows[PATHS[kind]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--status", "created"], [ORDER_2]),
        (["--status", "CREATED", "--status", "DELIVERED"], [ORDER_2, ORDER_1]),
        (["--open"], [ORDER_3, ORDER_2]),
        (["--flagged"], [ORDER_2]),
        (["--partner", "acme", "--limit", "1"], [ORDER_3]),
        (["--partner", "other"], []),
        (["--customer", "cust-42"], [ORDER_3, ORDER_2]),
        (["--customer", "cust-4"], []),
        (["--customer", "cust-42", "--restaurant", "taqueria-1", "--open"], [ORDER_3, ORDER_2]),
        (["--restaurant", "taqueria-2"], []),
        (["--partner", "acme", "--open", "--flagged"], [ORDER_2]),
    ],
)
def test_a_list_is_filtered(
    words: list[str], found: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """By the front, and in the front's order though several statuses are asked for."""
    assert run(full_world(), "orders", "list", "--json", *words) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["order_id"] for row in rows] == found


def test_a_list_that_is_cut_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """On the other stream; --all is whole."""
    assert run(full_world(), "orders", "list", "--limit", "2") == 0
    assert capsys.readouterr().err == "there are more; --limit or --all shows them\n"
    assert run(full_world(), "orders", "list", "--limit", "2", "--all") == 0
    told = capsys.readouterr()
    assert (len(told.out.splitlines()), told.err) == (4, "")


@pytest.mark.parametrize("name", [ORDER_3, ORDER_3[:8], "acme/3"])
def test_an_order_is_shown_with_its_history(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By its id, by how that begins, or by what the partner calls it."""
    world = full_world()
    world.events[ORDER_3] = [
        {"type": "OrderCreated", "occurred_at": "2030-01-01T12:02:00Z", "amount_cents": 1350},
        {"type": "OrderPickedUp", "occurred_at": "2030-01-01T12:02:30.5Z", "order_id": ORDER_3},
    ]
    assert run(world, "orders", "show", name) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["order_id", ORDER_3]
    assert "name=Taco  quantity=3  price_cents=450" in "\n".join(lines)
    assert lines[-3:] == [
        "",
        "12:02:00  OrderCreated            amount_cents=1350",
        "12:02:30  OrderPickedUp",
    ]
    assert run(world, "orders", "show", name, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {**world.rows["/orders"][0], "events": world.events[ORDER_3]}


def test_a_region_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Not as in the list."""
    world = full_world()
    world.rows["/regions"] = [region("san-jose", summary=False)]
    assert run(world, "regions", "show", "san-jose") == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["region", "san-jose"],
        ["version", "2"],
        ["changed_at", "2030-01-01T12:00:00Z"],
    ]


def test_what_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, with 1; a name that stands for several as well."""
    assert run(full_world(), "orders", "show", "nothing") == 1
    assert capsys.readouterr().err == "error: there is no order 'nothing'\n"
    assert run(full_world(), "drivers", "show", "driver-") == 1
    told = "error: driver- may be driver-1 or driver-2; write more of the driver's id\n"
    assert capsys.readouterr().err == told
    assert run(full_world(), "drivers", "show", "") == 1


def test_what_a_row_says_can_give_no_orders_to_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A partner's reference comes from anyone."""
    world = full_world()
    world.rows["/orders"][0]["reference"] = "3\x1b[2J\n"
    for words in (["list"], ["show", ORDER_3]):
        assert run(world, "orders", *words) == 0
        shown = capsys.readouterr().out
        assert "\x1b" not in shown
        assert "\\x1b[2J\\n" in shown


def test_a_front_that_is_busy_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A partition is on its way to another worker; after so many times it is told."""
    world = full_world()
    world.busy = 3
    assert run(world, "regions", "list") == 0
    world.busy = 1000
    assert run(world, "regions", "list") == 2
    told = capsys.readouterr().err
    assert told.startswith("error: the matcher service at http://127.0.0.1:8003 can't answer now: ")


def test_a_service_that_does_not_answer_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, with 2."""
    from infra import tiffin

    assert tiffin.main(["orders", "list", "--order-url", "http://127.0.0.1:1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the order service at http://127.0.0.1:1 does not answer: ")


def test_another_program_at_the_address_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no such list."""
    assert run(World(), "orders", "list") == 2
    told = "error: there is no list of orders at http://127.0.0.1:8001/orders\n"
    assert capsys.readouterr().err == told


def test_where_a_service_is_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the command line says it."""
    world = full_world()
    monkeypatch.setenv("TIFFIN_ORDER_URL", "http://far:1/")
    assert run(world, "orders", "list") == 0
    assert run(world, "orders", "list", "--order-url", "http://near:2") == 0
    assert {url.partition("/orders")[0] for url in world.asked} == {"http://far:1", "http://near:2"}


@pytest.mark.parametrize(
    "words",
    [
        ["orders"],
        ["orders", "list", "--status", "LOST"],
        ["orders", "list", "--open", "--status", "CREATED"],
        ["orders", "list", "--limit", "0"],
        ["drivers", "list", "--open"],
        ["drivers", "watch"],
    ],
)
def test_a_wrong_use_ends_with_2(words: list[str]) -> None:
    """As argparse has it."""
    with pytest.raises(SystemExit) as ended:
        run(full_world(), *words)
    assert ended.value.code == 2


def test_a_new_order_has_little_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    """It is acknowledged and not decided yet."""
    world = full_world()
    world.rows["/orders"] = [new_order("9")]
    assert run(world, "orders", "show", "acme/9") == 0
    assert "NEW" in capsys.readouterr().out
    assert run(world, "orders", "list") == 0
