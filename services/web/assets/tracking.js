/** One order on its way, always as it is now: /track/{token}. */
import { confirm, el, explain, fill, get, money, send, timeWithSeconds, toast } from "./api.js";
import { refillCart } from "./cart.js";
import { refill } from "./elements.js";
import { live } from "./live.js";
import { createMap } from "./map.js";
import { clockTime, placeOf } from "./shop-parts.js";
import { headlineOf, moneyTexts, STEPS, timelineOf } from "./tracking-words.js";
import { knownZone, ownZone } from "./zones.js";

const TRIES_MAX = 4;
const TRY_MS = 1_000;
const SOON_SECONDS = 20;
const OVER = new Set(["DELIVERED", "REJECTED", "CANCELLED"]);
const LIVE_WORDS = { connecting: "Connecting", live: "Live", lost: "Reconnecting …" };
const GROUNDS = [
  ["changed_mind", "I changed my mind"],
  ["ordered_by_mistake", "I ordered by mistake"],
  ["takes_too_long", "It takes too long"],
];

const token = decodeURIComponent(location.pathname.split("/").pop());
const path = `/api/track/${encodeURIComponent(token)}`;
const place = (id) => document.getElementById(id);
let map = null;
let body = null;
let stream = null;

function show(found) {
  body = found;
  const { order } = found;
  const { title, text, kind = "" } = headlineOf(found);
  const told = JSON.stringify([title, text, kind]);
  if (place("headline").dataset.told !== told) {
    place("headline").dataset.told = told;
    fill(place("headline"), el("h1", { class: kind }, title), el("p", { class: "lead" }, text));
    document.title = `${title} · Tiffin`;
  }
  showProgress(order.status);
  refill(place("facts"), facts(order));
  tick();
  showTimeline(found);
  refill(place("order"), orderTexts(found));
  refill(place("actions"), actions(found));
  showMap(found);
}

function showProgress(status) {
  const at = STEPS.findIndex(([name]) => name === status);
  const isEnded = status === "REJECTED" || status === "CANCELLED";
  place("progress").hidden = isEnded;
  const steps = STEPS.map((_, index) => {
    const isDone = index < at || status === "DELIVERED";
    return el("li", { class: isDone ? "done" : index === Math.max(at, 0) ? "now" : "" });
  });
  place("progress").replaceChildren(...steps);
}

function facts(order) {
  const eta =
    OVER.has(order.status) || !(order.eta_at || order.expected_ready_at)
      ? null
      : el(
          "div",
          { class: "eta" },
          el("span", { class: "muted", id: "eta-label" }),
          el("strong", { role: "timer", "aria-labelledby": "eta-label", id: "eta" }),
          el("span", { class: "muted", id: "eta-clock" }),
        );
  const code =
    order.code && !OVER.has(order.status)
      ? el(
          "div",
          { class: "code" },
          el("span", { class: "muted" }, "Code for the driver"),
          el("strong", { class: "mono" }, order.code),
          el("span", { class: "muted" }, "Tell it at the door, not before."),
        )
      : null;
  const sums = moneyTexts(order).map(({ text, kind }) =>
    el("p", { class: `notice ${kind}` }, text),
  );
  const isLate = (order.flags ?? []).length > 0 && !OVER.has(order.status);
  const late = isLate
    ? el("p", { class: "notice warn" }, "This takes longer than it should. We are looking into it.")
    : null;
  return [eta || code ? el("div", { class: "eta-row" }, eta, code) : null, late, ...sums];
}

/** Counts down, once a second. */
function tick() {
  const eta = place("eta");
  if (body === null || eta === null) {
    return;
  }
  const { eta_at: doorAt, expected_ready_at: readyAt, restaurant, status } = body.order;
  const at = doorAt ?? readyAt;
  const zone = restaurant?.zone;
  place("eta-label").textContent = doorAt ? "At your door in" : "Ready in";
  eta.textContent = countdown((new Date(at) - Date.now()) / 1000, status);
  place("eta-clock").textContent = `about ${clockTime(at, zone)}`;
}

function countdown(seconds, status) {
  if (seconds < SOON_SECONDS) {
    return status === "WAITING_FOR_DRIVER" ? "a little longer" : "any moment";
  }
  if (seconds >= 3600) {
    const minutes = Math.ceil(seconds / 60);
    const days = Math.floor(minutes / 1440);
    const hours = Math.floor((minutes % 1440) / 60);
    return days > 0 ? `${days} d ${hours} h` : `${hours} h ${minutes % 60} min`;
  }
  const rest = Math.floor(seconds % 60);
  return `${Math.floor(seconds / 60)}:${String(rest).padStart(2, "0")} min`;
}

function showTimeline(found) {
  const zone = knownZone(found.order.restaurant?.zone);
  const words = { done: "", now: "", next: "Still to come: ", bad: "", slow: "" };
  const steps = timelineOf(found).map(({ text, at, kind }) =>
    el(
      "li",
      { class: kind, "aria-current": kind === "now" ? "step" : null },
      el("span", {}, el("span", { class: "hidden-text" }, words[kind]), text),
      at ? el("time", { datetime: at }, timeWithSeconds(at, zone)) : null,
    ),
  );
  const note =
    zone === ownZone()
      ? null
      : el("li", { class: "note muted small" }, `Times are those of ${placeOf(zone)}.`);
  place("timeline").replaceChildren(...steps, ...(note ? [note] : []));
}

function orderTexts({ order, restaurant }) {
  const line = ({ quantity, name, price_cents: cents }) =>
    el(
      "li",
      {},
      el("span", {}, `${quantity} × ${name}`),
      el("span", { class: "num" }, money(quantity * cents, order.currency)),
    );
  return [
    el("p", { class: "muted" }, restaurant.name),
    el("ul", { class: "order-lines" }, (order.items ?? []).map(line)),
    order.amount_cents
      ? el(
          "p",
          { class: "spread order-total" },
          "Total",
          el("strong", {}, money(order.amount_cents, order.currency)),
        )
      : null,
    el(
      "p",
      { class: "muted small" },
      "Order ",
      el("span", { class: "mono" }, order.order_id.slice(0, 8)),
    ),
  ];
}

function actions(found) {
  const button = (text, onclick, kind = "") =>
    el("button", { class: `button ${kind}`, type: "button", onclick, "data-focus": text }, text);
  const { status, items } = found.order;
  const isEnded = status === "REJECTED" || status === "CANCELLED";
  return [
    button("Share this page", share),
    found.can_cancel ? button("Cancel the order", cancel, "danger") : null,
    isEnded && items ? button("Put it in the cart again", () => again(found), "primary") : null,
    status === "DELIVERED" ? el("a", { class: "button", href: "/" }, "Order something else") : null,
  ];
}

function again({ order, restaurant }) {
  refillCart(restaurant.restaurant_id ?? order.restaurant.restaurant_id, order.items);
  location.assign("/#/checkout");
}

async function share() {
  const url = location.href;
  if (navigator.share) {
    await navigator.share({ title: "My Tiffin order", url }).catch(() => {});
    return;
  }
  try {
    await navigator.clipboard.writeText(url);
    toast("The link is copied. Whoever has it can follow this order.");
  } catch {
    const field = el("input", { type: "text", readonly: true, value: url, "aria-label": "Link" });
    field.addEventListener("focus", () => field.select());
    await confirm({ title: "Copy this link", content: field, yes: "Done", no: "Close" });
  }
}

async function cancel() {
  const grounds = el(
    "select",
    { id: "ground" },
    GROUNDS.map(([value, text]) => el("option", { value }, text)),
  );
  const label = el("label", { for: "ground" }, "Why?");
  const isSure = await confirm({
    title: "Cancel this order?",
    text: "The restaurant is told to stop. What you paid is given back.",
    content: el("div", { class: "field", style: "margin-top:1rem" }, label, grounds),
    yes: "Cancel the order",
    no: "Keep it",
    danger: true,
  });
  if (!isSure) {
    return;
  }
  try {
    await send("POST", `${path}/cancel`, { reason: grounds.value });
    toast("Your order is being cancelled.");
  } catch (error) {
    toast(`It was not cancelled: ${explain(error)}`, "bad");
  }
}

function showMap({ order, restaurant, destination, driver }) {
  const isEnded = order.status === "REJECTED" || order.status === "CANCELLED";
  const holder = place("map");
  holder.hidden = isEnded || !restaurant.location || !destination;
  if (holder.hidden) {
    return;
  }
  map ??= createMap(holder, {
    label: "Map: the restaurant, the driver and your door",
    follow: true,
  });
  const isThere = Boolean(driver?.location) && order.status !== "DELIVERED";
  const places = [
    { id: "restaurant", kind: "restaurant", location: restaurant.location, label: restaurant.name },
    { id: "door", kind: "door", location: destination, label: "Your door" },
  ];
  if (isThere) {
    places.push({ id: "driver", kind: "driver", location: driver.location, label: "The driver" });
  }
  const isLoaded = order.status === "IN_DELIVERY";
  const lines = [{ from: isThere && isLoaded ? "driver" : "restaurant", to: "door", kind: "way" }];
  if (isThere && !isLoaded) {
    lines.push({ from: "driver", to: "restaurant", kind: "thin" });
  }
  map.show({ places, lines });
}

function showState(state) {
  const badge = place("live");
  badge.dataset.state = state;
  badge.textContent = LIVE_WORDS[state] ?? "";
  if (state === "gone") {
    showNothing();
  }
}

function showNothing() {
  document.title = "No such order · Tiffin";
  fill(
    place("main"),
    el(
      "div",
      { class: "empty stack" },
      el("h1", {}, "There is no such order"),
      el("p", {}, "Please check that the whole link was copied."),
      el("p", {}, el("a", { class: "button primary", href: "/" }, "To the restaurants")),
    ),
  );
}

/** An order that was placed a moment ago may not be known everywhere yet. */
async function start(tries = 1) {
  try {
    show(await get(path));
    place("trouble").replaceChildren();
  } catch (error) {
    const isLast = tries >= TRIES_MAX;
    if (isLast && error.status === 404) {
      showNothing();
      return;
    }
    if (isLast || error.status === undefined) {
      fill(place("trouble"), el("p", { class: "notice bad" }, `${explain(error)} We keep trying.`));
    }
    setTimeout(() => start(tries + 1), TRY_MS * Math.min(tries, 5));
    return;
  }
  stream ??= live(`${path}/stream`, { on: { change: show }, onState: showState });
}

setInterval(tick, 1000);
await start();
