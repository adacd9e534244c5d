// What the staff's pages share: lists that keep the focus, clocks that tick, statuses as words.
import { duration, el, fill, time } from "./api.js";

/** An SVG element. */
export function s(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(key, String(value));
  }
  element.append(...children.flat());
  return element;
}

/** Puts new content in place, and the focus back on what has the same `data-focus` as before. */
export function refill(container, ...children) {
  const focus = container.contains(document.activeElement) ? focusName() : null;
  fill(container, ...children);
  if (focus) named(container, focus)?.focus({ preventScroll: true });
}

const focusName = () => document.activeElement.dataset.focus ?? null;
const named = (place, name) => place.querySelector(`[data-focus="${CSS.escape(name)}"]`);

/**
 * Makes the children of a container those of `items`, in their order. A child is made again only
 * when its item has changed, so that focus, open details and selections stay.
 */
export function keep(container, items, key, render, signature = JSON.stringify) {
  const before = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const children = items.map((item) => {
    const name = String(key(item));
    const sign = signature(item);
    const child = before.get(name);
    before.delete(name);
    return child && child.dataset.signature === sign
      ? child
      : renewed(child, render(item), name, sign);
  });
  const isFocusLost = [...before.values()].some((gone) => gone.contains(document.activeElement));
  for (const gone of before.values()) gone.remove();
  children.forEach((child, index) => {
    const there = container.children[index] ?? null;
    if (there !== child) container.insertBefore(child, there);
  });
  // The next one as a whole, not a button of it, which a second press would set off.
  if (isFocusLost) container.querySelector('[tabindex="-1"]')?.focus({ preventScroll: true });
}

function renewed(old, child, name, sign) {
  child.dataset.key = name;
  child.dataset.signature = sign;
  if (!old) return child;
  for (const each of old.querySelectorAll("details[open][data-focus]")) {
    named(child, each.dataset.focus)?.setAttribute("open", "");
  }
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const focus = active?.dataset.focus;
  old.replaceWith(child);
  if (active) ((focus && named(child, focus)) || child).focus({ preventScroll: true });
  return child;
}

/** Minutes and seconds as on a clock: 0:07, 12:30, 1:02:30. */
export function countdown(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The time of day of an instant, with the day where that is not today. */
export function clock(at) {
  if (!at) return "–";
  const instant = new Date(at);
  if (instant.toDateString() === new Date().toDateString()) return time(at);
  const day = instant.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" });
  return `${day} ${time(at)}`;
}

/**
 * A time that goes by; `startClocks` moves it.
 * @param before words before what is left until then; `after`, once it is over, before how long ago
 */
export function left(at, before, after) {
  return ticking(at, { "data-before": before, "data-after": after });
}

/** How long something has been so. */
export function since(at, before = "") {
  return ticking(at, { "data-since": before });
}

function ticking(at, attributes) {
  const element = el("time", { datetime: at, "data-clock": "", ...attributes });
  element.append(el("span"), el("b"));
  tick(element);
  return element;
}

function tick(element) {
  const { before, after, since: so } = element.dataset;
  const seconds = (new Date(element.dateTime) - Date.now()) / 1000;
  const isOver = so === undefined && seconds <= 0;
  const [wording, figure] = element.children;
  const told = so === undefined ? countdown(Math.abs(seconds)) : duration(-seconds);
  if (figure.textContent !== told) figure.textContent = told;
  wording.textContent = `${so ?? (isOver ? after : before)} `;
  element.classList.toggle("is-over", isOver);
  element.classList.toggle("is-near", so === undefined && !isOver && seconds < 60);
}

/** Moves all ticking times of the page, once a second. */
export function startClocks() {
  setInterval(() => document.querySelectorAll("time[data-clock]").forEach(tick), 1000);
}

/** A status as words: IN_PREPARATION is "In preparation". */
export function words(code) {
  if (!code) return "";
  const text = String(code).replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const TONES = {
  good: ["DELIVERED", "AVAILABLE", "OPEN", "CHARGED", "REFUNDED"],
  info: ["IN_PREPARATION", "PICKED_UP", "IN_DELIVERY", "ON_DELIVERY", "DRIVER_ASSIGNED"],
  warn: [
    ...["WAITING_FOR_DRIVER", "SCHEDULING_DELIVERY", "OFFERED", "BUSY", "PAUSED", "RETURNING"],
    ...["CANCELLING", "DELAYED", "REFUNDING", "VOIDING"],
  ],
  bad: ["REJECTED", "CANCELLED", "WRITTEN_OFF", "DECLINED", "OFFLINE", "REFUSED"],
};

/** The name of a status' colour. */
export function tone(status) {
  return Object.keys(TONES).find((each) => TONES[each].includes(status)) ?? "idle";
}

/** A status as a coloured word. */
export function pill(status) {
  return el("span", { class: `badge ${tone(status)}` }, words(status));
}

/** Calls `work` soon, and not more often than every `wait` milliseconds. */
export function calm(work, wait) {
  let timer = null;
  let last = 0;
  return () => {
    if (timer !== null) return;
    const pause = Math.max(20, last + wait - Date.now());
    timer = setTimeout(async () => {
      timer = null;
      last = Date.now();
      await work();
      last = Date.now();
    }, pause);
  };
}
