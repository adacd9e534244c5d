"""What a restaurant asks of an order over HTTP: to accept it, refuse it, move it, end it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.common import clock
from services.order.domain import OrderStatus
from services.order.settings import Settings
from tests.order.fronts import PATH, World


async def test_a_restaurant_accepts_and_says_how_long_it_cooks(world: World) -> None:
    """The ready time is shown by the clock on its wall too."""
    await world.begin(OrderStatus.SCHEDULED)
    assert (await world.view())["ready_at_local"] is None
    await world.post("/accept", {"preparation_seconds": 600})
    view = await world.view()
    assert view["status"] == "IN_PREPARATION"
    ready_at = datetime.fromisoformat(view["expected_ready_at"])
    assert timedelta(seconds=590) < ready_at - clock.now() <= timedelta(seconds=600)
    local = datetime.fromisoformat(view["ready_at_local"])
    assert local == ready_at
    assert local.utcoffset() == ready_at.astimezone(ZoneInfo("Europe/Rome")).utcoffset()
    assert datetime.fromisoformat(view["eta_at"]) > ready_at


async def test_a_restaurant_may_accept_without_a_word(world: World) -> None:
    """No body, null and an empty one are the same."""
    await world.begin(OrderStatus.SCHEDULED)
    assert (await world.http.post(f"{PATH}/accept")).status_code == 202
    await world.post("/accept", None)
    await world.post("/accept", {})
    await world.post("/accept", {"preparation_seconds": None})
    assert len({envelope.id for envelope, _ in world.sent[1:]}) == 1
    assert (await world.view())["status"] == "IN_PREPARATION"


async def test_a_refusal_can_be_undone_and_the_order_answered_anew(world: World) -> None:
    """Each answer of each round is a command of its own; the same again is the same."""
    await world.begin(OrderStatus.SCHEDULED)
    for number in range(Settings().undo_max):
        for _ in range(2):
            await world.post("/refuse", {"reason": "too_busy", "detail": "a wedding"})
        view = await world.view()
        assert view["refusal"]["reason"] == "too_busy"
        assert view["refusal"]["detail"] == "a wedding"
        assert view["status"] == "SCHEDULED"
        problem = await world.post("/accept", None, 409)
        assert "refused" in problem["detail"]
        for _ in range(2):
            await world.post("/undo-refusal")
        view = await world.view()
        assert (view["refusal"], view["undone_refusals"]) == (None, number + 1)
    await world.post("/accept")
    assert (await world.view())["status"] == "IN_PREPARATION"
    await world.post("/refuse", {"reason": "other"})
    problem = await world.post("/undo-refusal", None, 409)
    assert "undone_too_often" in problem["detail"]


async def test_what_is_said_again_before_the_table_knows_counts(world: World) -> None:
    """A refusal that is taken back and said anew, and a ready time that is moved to and fro."""
    await world.begin(OrderStatus.IN_PREPARATION)
    early, late = (clock.now() + timedelta(minutes=minutes) for minutes in (20, 40))
    for ready_at in (early, late, early):
        body = {"ready_at": ready_at.isoformat()}
        assert (await world.http.put(f"{PATH}/ready-time", json=body)).status_code == 202
    world.settle()
    assert datetime.fromisoformat((await world.view())["expected_ready_at"]) == early
    refusal = {"reason": "other"}
    await world.post("/refuse", refusal)
    assert (await world.http.post(f"{PATH}/undo-refusal")).status_code == 202
    assert (await world.http.post(f"{PATH}/refuse", json=refusal)).status_code == 202
    world.settle()
    assert (await world.view())["refusal"]["reason"] == "other"


async def test_an_order_that_was_not_refused_has_nothing_to_undo(world: World) -> None:
    """409."""
    await world.begin(OrderStatus.SCHEDULED)
    assert "not_refused" in (await world.post("/undo-refusal", None, 409))["detail"]


async def test_a_ready_time_may_be_moved_and_moved_back(world: World) -> None:
    """Whatever offset it is given with; the same again changes nothing."""
    await world.begin(OrderStatus.IN_PREPARATION)
    early, late = (clock.now() + timedelta(minutes=minutes) for minutes in (20, 40))
    versions = []
    for ready_at in (early, late, early, late, late):
        asked = ready_at.astimezone(ZoneInfo("Asia/Kolkata")).isoformat()
        await world.put("/ready-time", {"ready_at": asked})
        view = await world.view()
        assert datetime.fromisoformat(view["expected_ready_at"]) == ready_at
        versions.append(view["version"])
    first = versions[0]
    assert versions == [first, first + 1, first + 2, first + 3, first + 3]


async def test_a_restaurant_reports_the_end_of_the_preparation(world: World) -> None:
    """Whatever its body says, and as often as it likes."""
    await world.begin(OrderStatus.IN_PREPARATION)
    for _ in range(2):
        await world.post("/preparation-finished", {"ticket_id": "t-1"})
    assert (await world.view())["status"] == "SCHEDULING_DELIVERY"
    assert len({envelope.id for envelope, _ in world.sent[1:]}) == 1


async def test_a_ready_time_that_is_too_far_away_is_refused(world: World) -> None:
    """409, as the domain decides."""
    await world.begin(OrderStatus.IN_PREPARATION)
    problem = await world.put("/ready-time", {"ready_at": "2199-01-01T00:00:00Z"}, 409)
    assert "ready_at_out_of_range" in problem["detail"]
