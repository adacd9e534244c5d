"""Offers, drivers who say no, fall silent or find nobody, codes at the door: on a real stack."""

import asyncio

from tests.e2e.phone import order_for, phones_of
from tests.e2e.proof import proven_clean
from tests.e2e.world import LIFE_SECONDS_MAX, World


async def test_a_driver_who_rejected_is_not_offered_the_same_delivery_again(
    impatient: World,
) -> None:
    """The next one is, who brings it."""
    first, second = phones_of(impatient, 2)
    await first.work()
    order_id = await order_for(first)
    offer = await first.offer()
    assert "code" not in offer
    await first.ask("offer/reject", delivery_id=offer["delivery_id"], reason="too far")
    await impatient.becomes("driver", first.path, lambda driver: driver["status"] == "AVAILABLE")
    await asyncio.sleep(2)
    assert (await impatient.get("driver", first.path))["status"] == "AVAILABLE"
    await second.work()
    delivery_id = await second.accept()
    assert delivery_id == offer["delivery_id"]
    await impatient.reaches(order_id, "WAITING_FOR_DRIVER")
    await second.pick_up(delivery_id)
    await impatient.reaches(order_id, "IN_DELIVERY")
    await second.ask("dropoff", delivery_id=delivery_id)
    order = await impatient.reaches(order_id, "DELIVERED")
    assert order["driver_id"] == second.driver_id


async def test_an_offer_that_nobody_answers_goes_to_the_next_driver(impatient: World) -> None:
    """The first rests until its phone says otherwise; its late yes is refused."""
    first, second = phones_of(impatient, 2)
    await first.work()
    order_id = await order_for(first)
    delivery_id = (await first.offer())["delivery_id"]
    await second.work()
    assert await second.accept() == delivery_id
    await first.ask("offer/accept", 409, delivery_id=delivery_id)
    assert (await impatient.get("driver", first.path))["status"] == "UNAVAILABLE"
    await impatient.reaches(order_id, "WAITING_FOR_DRIVER")


async def test_a_delivery_that_its_driver_gives_up_is_brought_by_another(impatient: World) -> None:
    """The order loses its driver, never its status."""
    first, second = phones_of(impatient, 2)
    await first.work()
    order_id = await order_for(first)
    delivery_id = await first.accept()
    await impatient.reaches(order_id, "WAITING_FOR_DRIVER")
    await first.ask("give-up", delivery_id=delivery_id, reason="flat tyre")
    await impatient.becomes(
        "order", f"/orders/{order_id}", lambda order: order["driver_id"] is None
    )
    await first.work()
    await second.work()
    assert await second.accept() == delivery_id
    order = await impatient.becomes(
        "order", f"/orders/{order_id}", lambda order: order["driver_id"] == second.driver_id
    )
    assert order["status"] == "WAITING_FOR_DRIVER"
    assert (await impatient.kinds(order_id))[-3:] == ["DriverFound", "DriverLost", "DriverFound"]


async def test_a_driver_who_falls_silent_before_the_pickup_is_taken_off(impatient: World) -> None:
    """While it is heard from it keeps the delivery; then another one gets it."""
    first, second = phones_of(impatient, 2)
    await first.work()
    order_id = await order_for(first)
    delivery_id = await first.accept()
    for _ in range(10):
        await first.says_where()
        await asyncio.sleep(1)
    await first.has(delivery_id)
    await first.is_free()
    await second.work()
    assert await second.accept() == delivery_id
    await second.pick_up(delivery_id)
    await impatient.reaches(order_id, "IN_DELIVERY")
    await first.ask("pickup", 409, delivery_id=delivery_id)


async def test_goods_of_a_silent_driver_are_flagged_and_an_operator_reassigns_them(
    impatient: World,
) -> None:
    """To another driver, who brings them."""
    first, second = phones_of(impatient, 2)
    await first.work()
    order_id = await order_for(first)
    delivery_id = await first.accept()
    await first.pick_up(delivery_id)
    path = f"/deliveries/{delivery_id}"
    await impatient.becomes("delivery", path, lambda each: "driver_silent" in each["flags"])
    flagged = await impatient.get("delivery", "/deliveries?flagged=true&limit=500")
    assert delivery_id in [each["delivery_id"] for each in flagged["items"]]
    metrics = (await impatient.client.get(f"{impatient.url('delivery')}/metrics")).text
    counts = [line for line in metrics.splitlines() if line.startswith("tiffin_flagged{")]
    assert sum(float(line.rpartition(" ")[2]) for line in counts) >= 1
    asked = {"driver_id": second.driver_id, "reason": "not heard from"}
    await impatient.call("POST", "delivery", f"{path}/reassign", asked, 409)
    asked["driver_id"] = first.driver_id
    await impatient.call("POST", "delivery", f"{path}/reassign", asked)
    await first.is_free()
    await second.work()
    assert await second.accept() == delivery_id
    await second.pick_up(delivery_id)
    await second.ask("dropoff", delivery_id=delivery_id)
    order = await impatient.reaches(order_id, "DELIVERED")
    assert order["driver_id"] == second.driver_id


async def test_goods_that_nobody_takes_go_back_and_the_money_too(impatient: World) -> None:
    """The order ends cancelled, the delivery returned, the driver free."""
    (phone,) = phones_of(impatient, 1)
    await phone.work()
    order_id = await order_for(phone)
    delivery_id = await phone.accept()
    await phone.pick_up(delivery_id)
    await impatient.reaches(order_id, "IN_DELIVERY")
    await phone.ask("delivery-failed", delivery_id=delivery_id, reason="nobody opens")
    await phone.has(delivery_id, returning=True)
    order = await impatient.reaches(order_id, "CANCELLED")
    assert order["reason"] == "delivery_failed"
    await phone.ask("dropoff", 409, delivery_id=delivery_id)
    await phone.ask("returned", delivery_id=delivery_id)
    await phone.is_free()
    path = f"/deliveries/{delivery_id}"
    await impatient.becomes("delivery", path, lambda each: each["status"] == "RETURNED")
    await impatient.becomes(
        "order", f"/orders/{order_id}", lambda order: order["payment"] == "REFUNDED"
    )


async def test_a_code_opens_the_door_and_wrong_ones_are_counted(impatient: World) -> None:
    """Where the partner asks for it: without the code no drop-off."""
    (phone,) = phones_of(impatient, 1)
    await phone.work()
    order_id = await order_for(phone, requires_code=True)
    code = (await impatient.reaches(order_id, "WAITING_FOR_DRIVER", "SCHEDULING_DELIVERY"))["code"]
    assert len(code) == 4
    delivery_id = await phone.accept()
    await phone.pick_up(delivery_id)
    work = await phone.has(delivery_id)
    assert work["requires_code"]
    assert code not in str(work)
    assert code not in str(await impatient.get("driver", phone.path))
    await phone.ask("dropoff", 409, delivery_id=delivery_id)
    wrong = f"{(int(code) + 1) % 10_000:04d}"
    await phone.ask("dropoff", 409, delivery_id=delivery_id, code=wrong)
    await phone.has(delivery_id, wrong_codes=1)
    await impatient.reaches(order_id, "IN_DELIVERY")
    await phone.ask("dropoff", delivery_id=delivery_id, code=code)
    await impatient.reaches(order_id, "DELIVERED")


async def test_after_too_many_wrong_codes_an_operator_decides(impatient: World) -> None:
    """Not even the right one is taken until the code is waived."""
    (phone,) = phones_of(impatient, 1)
    await phone.work()
    order_id = await order_for(phone, requires_code=True)
    delivery_id = await phone.accept()
    await phone.pick_up(delivery_id)
    code = (await impatient.get("order", f"/orders/{order_id}"))["code"]
    for number in range(1, 4):
        wrong = f"{(int(code) + number) % 10_000:04d}"
        await phone.ask("dropoff", 409, delivery_id=delivery_id, code=wrong)
        await phone.has(delivery_id, wrong_codes=number)
    await phone.ask("dropoff", 409, delivery_id=delivery_id, code=code)
    path = f"/deliveries/{delivery_id}"
    await impatient.becomes("delivery", path, lambda each: "wrong_codes" in each["flags"])
    await impatient.call("POST", "delivery", f"{path}/waive-code", {"reason": "known face"})
    await phone.has(delivery_id, requires_code=False)
    await phone.ask("dropoff", delivery_id=delivery_id)
    await impatient.reaches(order_id, "DELIVERED")
    delivery = await impatient.get("delivery", path)
    assert delivery["flags"] == []


async def test_a_delivery_without_a_driver_is_flagged(impatient: World) -> None:
    """It is not lost: the next driver of the region gets it."""
    (phone,) = phones_of(impatient, 1)
    order_id = await order_for(phone)
    order = await impatient.reaches(order_id, "SCHEDULING_DELIVERY")
    path = f"/deliveries/{order['delivery_id']}"
    await impatient.becomes("delivery", path, lambda each: "no_driver" in each["flags"])
    await phone.work()
    await phone.accept()
    await impatient.becomes("delivery", path, lambda each: each["flags"] == [])


async def test_a_cancellation_frees_the_driver_whom_it_was_offered_to(impatient: World) -> None:
    """The offer goes away, and the driver waits for the next one."""
    (phone,) = phones_of(impatient, 1)
    await phone.work()
    order_id = await order_for(phone)
    delivery_id = (await phone.offer())["delivery_id"]
    asked = {"by": "customer", "reason": "no longer hungry"}
    await impatient.call("POST", "order", f"/orders/{order_id}/cancel", asked)
    await impatient.reaches(order_id, "CANCELLED")
    await phone.is_free()
    assert (await impatient.get("driver", phone.path))["status"] in ("AVAILABLE", "UNAVAILABLE")
    path = f"/deliveries/{delivery_id}"
    await impatient.becomes("delivery", path, lambda each: each["status"] == "CANCELLED")
    await phone.work()
    other = await order_for(phone)
    assert await phone.accept() != delivery_id
    await impatient.reaches(other, "WAITING_FOR_DRIVER")


async def test_a_cancellation_before_the_pickup_frees_the_driver(impatient: World) -> None:
    """The driver is told, the goods stay, the money goes back."""
    (phone,) = phones_of(impatient, 1)
    await phone.work()
    order_id = await order_for(phone)
    delivery_id = await phone.accept()
    await impatient.reaches(order_id, "WAITING_FOR_DRIVER")
    asked = {"by": "restaurant", "reason": "oven broke"}
    await impatient.call("POST", "order", f"/orders/{order_id}/cancel", asked)
    await phone.is_free()
    await impatient.becomes(
        "delivery", f"/deliveries/{delivery_id}", lambda each: each["status"] == "CANCELLED"
    )
    await impatient.becomes(
        "order", f"/orders/{order_id}", lambda order: order["payment"] == "REFUNDED"
    )
    await phone.ask("pickup", 409, delivery_id=delivery_id)


async def test_after_the_pickup_only_an_operator_cancels_and_the_goods_go_back(
    impatient: World,
) -> None:
    """The driver is told to return, and is free once it has."""
    (phone,) = phones_of(impatient, 1)
    await phone.work()
    order_id = await order_for(phone)
    delivery_id = await phone.accept()
    await phone.pick_up(delivery_id)
    await impatient.reaches(order_id, "IN_DELIVERY")
    path = f"/orders/{order_id}/cancel"
    for by in ("customer", "partner", "restaurant"):
        await impatient.call("POST", "order", path, {"by": by, "reason": "no"}, 409)
    await impatient.call("POST", "order", path, {"by": "operator", "reason": "fraud"})
    order = await impatient.reaches(order_id, "CANCELLED")
    assert (order["cancelled_by"], order["reason"]) == ("operator", "fraud")
    await phone.has(delivery_id, returning=True)
    await phone.ask("returned", delivery_id=delivery_id)
    await phone.is_free()
    await impatient.becomes(
        "delivery", f"/deliveries/{delivery_id}", lambda each: each["status"] == "RETURNED"
    )


async def test_whatever_the_drivers_do_every_order_ends(impatient: World) -> None:
    """They reject, ignore, give up, name wrong codes and find nobody; an operator helps."""
    unwilling = {
        "reject_share": 0.2,
        "ignore_offers_share": 0.2,
        "give_up_share": 0.2,
        "unreachable_share": 0.3,
        "wrong_code_share": 0.6,
        "wrong_codes": 3,
    }
    await impatient.call("PUT", "phones", "/faults", unwilling, 200)
    try:
        order_ids = [
            await impatient.submit(impatient.order(requires_code=bool(number % 2)))
            for number in range(10)
        ]
        async with asyncio.timeout(LIFE_SECONDS_MAX * 2):
            while not await _have_ended(impatient, order_ids):
                await _look_after(impatient, order_ids)
                await asyncio.sleep(0.3)
    finally:
        await impatient.call("PUT", "phones", "/faults", {}, 200)
    for number in range(1, 5):
        await impatient.becomes(
            "driver", f"/drivers/driver-{number}", lambda driver: driver["delivery"] is None
        )
    await proven_clean(impatient, order_ids)


async def _have_ended(world: World, order_ids: list[str]) -> bool:
    orders = [await world.get("order", f"/orders/{order_id}") for order_id in order_ids]
    return all(order["status"] == "DELIVERED" or order["payment"] == "REFUNDED" for order in orders)


async def _look_after(world: World, order_ids: list[str]) -> None:
    """What an operator does about a flag."""
    for delivery in (await world.get("delivery", "/deliveries?flagged=true&limit=500"))["items"]:
        path, asked = f"/deliveries/{delivery['delivery_id']}", {"reason": "looked at"}
        if delivery["order_id"] not in order_ids:
            continue
        if "wrong_codes" in delivery["flags"]:
            await world.client.post(f"{world.url('delivery')}{path}/waive-code", json=asked)
        if "no_driver" in delivery["flags"] and len(delivery["excluded"]) > 1:
            asked["by"] = "operator"
            url = f"{world.url('order')}/orders/{delivery['order_id']}/cancel"
            await world.client.post(url, json=asked)
