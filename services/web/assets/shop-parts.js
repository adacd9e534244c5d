/** What the views of the shop share: how a restaurant is, steppers, the bar of the cart. */
import { confirm, dateTime, el, money, time } from "./api.js";
import { isOfAnother, QUANTITY_MAX, quantityOf, setQuantity } from "./cart.js";
import { knownZone, ownZone, wallOf } from "./zones.js";

/** Whether it takes orders for now and for later, and a sentence for where it does not. */
export function opennessOf(restaurant) {
  const { status, until, is_in_hours: isInHours } = restaurant;
  const end = until ? ` until ${clockTime(until, restaurant.zone)}` : "";
  if (status === "OFFLINE") {
    return { now: false, later: Boolean(until), text: `Offline${end}: no orders are taken.` };
  }
  if (status === "PAUSED") {
    return { now: false, later: Boolean(until), text: `Orders are paused${end}.` };
  }
  if (isInHours === false) {
    return { now: false, later: true, text: "Closed right now; you can order for later." };
  }
  if (status === "UNKNOWN") {
    return { now: true, later: true, text: "Nobody can tell right now whether it is open." };
  }
  const busy = status === "BUSY" ? `Busy${end}: it takes a little longer.` : "";
  return { now: true, later: true, text: busy };
}

export function badgesOf(restaurant) {
  const { status, is_in_hours: isInHours } = restaurant;
  const badge = (kind, text) => el("span", { class: `badge ${kind}` }, text);
  if (status === "OFFLINE") {
    return [badge("idle", "Offline")];
  }
  if (status === "PAUSED") {
    return [badge("warn", "Paused")];
  }
  if (isInHours === false) {
    return [badge("idle", "Closed")];
  }
  if (status === "UNKNOWN") {
    return [];
  }
  return [status === "BUSY" ? badge("warn", "Busy") : badge("good", "Open")];
}

export function preparationText({ preparation_seconds: seconds, busy_seconds: more, status }) {
  if (!seconds) {
    return "";
  }
  const minutes = Math.max(1, Math.round((seconds + (status === "BUSY" ? (more ?? 0) : 0)) / 60));
  return `ready in about ${minutes} min`;
}

/**
 * A time on the restaurant's clock, which is named where the person's own differs; with the day where
 * that is another one than today there.
 */
export function clockTime(iso, zone) {
  const known = knownZone(zone);
  const day = (instant) => wallOf(instant, known).slice(0, 10);
  const isToday = day(new Date(iso)) === day(new Date());
  const text = isToday ? time(iso, known) : dateTime(iso, known);
  return known === ownZone() ? text : `${text} (${placeOf(known)})`;
}

/** "Los Angeles" for "America/Los_Angeles". */
export function placeOf(zone) {
  return zone.split("/").pop().replaceAll("_", " ");
}

/** The snooze of an item: null, or { until } where it is sold out. */
export function snoozeOf(restaurant, name) {
  const found = (restaurant.snoozed ?? []).find((each) => (each?.item ?? each) === name);
  return found ? { until: found.until ?? null } : null;
}

/** − 2 +, for an item of a restaurant; both buttons keep the focus when it is drawn again. */
export function stepper(restaurantId, name, quantity, isBlocked = false) {
  const button = (sign, label, change, isOff) =>
    el(
      "button",
      {
        type: "button",
        "aria-label": `${label} ${name}`,
        "data-focus": `${sign}${name}`,
        disabled: isOff,
        onclick: () => put(restaurantId, name, quantity + change),
      },
      sign,
    );
  return el(
    "div",
    { class: "stepper", role: "group", "aria-label": `Quantity of ${name}` },
    button("−", quantity === 1 ? "Remove" : "One less", -1, false),
    el("span", { class: "stepper-number" }, String(quantity)),
    button("+", "One more", 1, isBlocked || quantity >= QUANTITY_MAX),
  );
}

/** Sets a quantity; asks first where that gives up the cart of another restaurant. */
export async function put(restaurantId, name, quantity) {
  if (isOfAnother(restaurantId)) {
    const isWanted = await confirm({
      title: "Start a new cart?",
      text: "Your cart holds dishes of another restaurant. One order comes from one restaurant.",
      yes: "Start a new cart",
      no: "Keep my cart",
    });
    if (!isWanted) {
      return;
    }
  }
  setQuantity(restaurantId, name, quantity);
  focusAgain(name);
}

/** The focus goes on to the button that stands in the place of the one that is gone. */
function focusAgain(name) {
  if (document.activeElement === null || document.activeElement === document.body) {
    const next = quantityFocus(name);
    (next ?? document.querySelector("h1"))?.focus({ preventScroll: true });
  }
}

function quantityFocus(name) {
  const mark = CSS.escape(name);
  return document.querySelector(`[data-focus="+${mark}"], [data-focus="add-${mark}"]`);
}

export function itemsText(quantity) {
  return `${quantity} ${quantity === 1 ? "item" : "items"}`;
}

/** The bar at the foot of a phone's screen. */
export function cartBar(restaurant, found, quantity) {
  const cents = found.reduce((sum, line) => sum + line.cents, 0);
  return el(
    "a",
    { class: "button primary", href: "#/checkout", "data-focus": "cart-bar" },
    el("span", {}, `View cart · ${itemsText(quantity)}`),
    el("strong", {}, money(cents, restaurant.currency ?? "USD")),
  );
}
