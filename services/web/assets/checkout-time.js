/** The choice between now and later, by the clock on the restaurant's wall. */
import { dateTime, el } from "./api.js";
import { opennessOf, placeOf } from "./shop-parts.js";
import { instantOf, knownZone, ownZone, wallOf } from "./zones.js";

const AHEAD_MS_MIN = 10 * 60_000;
const AHEAD_MS_MAX = 30 * 86_400_000;
const SUGGESTED_MS = 90 * 60_000;
const STEP_MS = 15 * 60_000;

/** { element, wrong(), readyAt(), renew(restaurant) } */
export function timeFields(given) {
  let restaurant = given;
  const zone = knownZone(restaurant.zone);
  const radio = (value) => el("input", { type: "radio", name: "when", id: value, value });
  const [now, later] = [radio("now"), radio("later")];
  const wall = el("input", {
    type: "datetime-local",
    id: "ready-at",
    step: 60,
    value: wallOf(Math.ceil((Date.now() + SUGGESTED_MS) / STEP_MS) * STEP_MS, zone),
    "aria-describedby": "ready-hint ready-error",
  });
  const own = el("span", { id: "ready-own" });
  const error = el("p", { class: "error", id: "ready-error" });
  const hint = `The clock in ${placeOf(zone)}, where the restaurant is.`;
  const field = el(
    "div",
    { class: "field" },
    el("label", { for: "ready-at" }, "Ready at"),
    wall,
    el("p", { class: "hint", id: "ready-hint" }, hint, " ", own),
    error,
  );
  const nowText = el("span", {}, "As soon as possible");
  const element = el(
    "div",
    { class: "stack", role: "radiogroup", "aria-label": "When", style: "gap:.3rem" },
    el("label", { class: "choice", for: "now" }, now, nowText),
    el("label", { class: "choice", for: "later" }, later, "Later"),
    field,
  );

  function update() {
    field.hidden = !later.checked;
    const chosen = instantOf(wall.value, zone);
    const isOwn = zone === ownZone() || chosen === null;
    own.textContent = isOwn ? "" : `That is ${dateTime(new Date(chosen).toISOString())} for you.`;
    wall.min = wallOf(Date.now() + AHEAD_MS_MIN, zone);
    wall.max = wallOf(Date.now() + AHEAD_MS_MAX, zone);
    setError(null);
  }

  function setError(text) {
    error.textContent = text ?? "";
    wall.setAttribute("aria-invalid", String(Boolean(text)));
  }

  function renew(found) {
    restaurant = found;
    const openness = opennessOf(restaurant);
    now.disabled = !openness.now;
    later.disabled = !openness.later;
    nowText.textContent = openness.now ? "As soon as possible" : "As soon as possible (not now)";
    if (now.disabled && now.checked) {
      later.checked = openness.later;
    }
    if (!now.checked && !later.checked) {
      (openness.now ? now : later).checked = openness.now || openness.later;
    }
    field.hidden = !later.checked;
  }

  function wrong() {
    if (!now.checked && !later.checked) {
      return opennessOf(restaurant).text || "The restaurant takes no orders.";
    }
    const text = later.checked ? wrongTime(instantOf(wall.value, zone), wall.value) : null;
    setError(text);
    return text;
  }

  for (const input of [now, later, wall]) {
    input.addEventListener("input", update);
  }
  renew(restaurant);
  update();
  const readyAt = () =>
    later.checked ? new Date(instantOf(wall.value, zone)).toISOString() : null;
  return { element, wrong, readyAt, renew };
}

function wrongTime(instant, text) {
  if (text === "") {
    return "Please choose a day and a time.";
  }
  if (instant === null) {
    return "This time does not exist on that day: the clocks go forward.";
  }
  if (instant < Date.now() + AHEAD_MS_MIN - 60_000) {
    return "Please choose a time at least ten minutes from now.";
  }
  return instant > Date.now() + AHEAD_MS_MAX ? "Please choose a time within 30 days." : null;
}
