// The map of the board: every driver by status, every live delivery from its pickup to its door.
import { el, fill } from "./api.js";
import { calm, tone, words } from "./elements.js";
import { createMap } from "./map.js";

const DRIVER_STATUSES = ["AVAILABLE", "OFFERED", "ON_DELIVERY", "UNAVAILABLE"];
const MOVES_MS = 250;

/** The map in the container; `show` takes all places, `move` one driver's new one. */
export function createBoardMap(container, legend, text) {
  const map = createMap(container, {
    label: "Map of drivers and deliveries",
    follow: true,
    onSelect: (place) => tell(place),
  });
  const known = { drivers: [], deliveries: [] };
  let selected = null;

  fill(
    legend,
    ...DRIVER_STATUSES.map((status) =>
      el("span", { class: `legend-driver ${tone(status)}` }, words(status)),
    ),
    el("span", { class: "legend-pickup" }, "Pickup"),
    el("span", { class: "legend-door" }, "Door"),
  );

  const draw = () => {
    map.show({ places: places(known), lines: lines(known) });
    if (selected) tell(selected);
    else text.textContent = summary(known);
  };

  function tell(place) {
    selected = place;
    const delivery = known.deliveries.find((each) =>
      [`pickup ${each.delivery_id}`, `door ${each.delivery_id}`].includes(place.id),
    );
    const driver = known.drivers.find((each) => each.driver_id === place.id);
    const work =
      delivery ??
      known.deliveries.find((each) => driver && each.delivery_id === driver.delivery_id);
    const link =
      work && el("a", { href: `/board/orders/${encodeURIComponent(work.order_id)}` }, "Its order");
    fill(text, el("b", {}, place.label), " ", link ?? "");
  }

  return {
    show(answer) {
      Object.assign(known, { drivers: answer.drivers ?? [], deliveries: answer.deliveries ?? [] });
      draw();
    },
    move: moved(known, calm(draw, MOVES_MS)),
  };
}

function moved(known, soon) {
  return (driverId, location) => {
    const driver = known.drivers.find((each) => each.driver_id === driverId);
    if (!driver || !location) return;
    driver.location = location;
    soon();
  };
}

function places({ drivers, deliveries }) {
  const ends = deliveries.flatMap((each) => {
    const about = `${words(each.status)}, delivery ${each.delivery_id.slice(0, 8)}`;
    const isOnTheRoad = each.status === "PICKED_UP";
    return [
      isOnTheRoad
        ? null
        : {
            id: `pickup ${each.delivery_id}`,
            kind: "dot",
            status: "pickup",
            location: each.pickup,
            label: `Pickup – ${about}`,
          },
      {
        id: `door ${each.delivery_id}`,
        kind: "dot",
        status: "door",
        location: each.dropoff,
        label: `Door – ${about}`,
      },
    ].filter(Boolean);
  });
  const people = drivers.map((each) => ({
    id: each.driver_id,
    kind: "driver",
    status: each.status,
    location: each.location,
    label: `${each.driver_id} – ${words(each.status).toLowerCase()}`,
  }));
  return [...ends, ...people];
}

function lines({ drivers, deliveries }) {
  const seen = new Set(drivers.map((each) => each.driver_id));
  return deliveries.map((each) => {
    const isOnTheRoad = each.status === "PICKED_UP" && seen.has(each.driver_id);
    return {
      id: each.delivery_id,
      from: isOnTheRoad ? each.driver_id : each.pickup,
      to: each.dropoff,
      kind: "thin",
    };
  });
}

function summary({ drivers, deliveries }) {
  if (!drivers.length && !deliveries.length) return "No driver has been seen yet.";
  const road = deliveries.filter((each) => each.status === "PICKED_UP").length;
  const driving = several(drivers.length, "driver", "drivers");
  const said = `${driving}, ${several(deliveries.length, "live delivery", "live deliveries")}`;
  return `${said}, ${road} on the road. Choose one on the map to read about it.`;
}

const several = (count, one, many) => `${count} ${count === 1 ? one : many}`;
