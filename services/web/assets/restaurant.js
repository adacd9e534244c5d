// The screen of a restaurant: its orders as cards, live, and what it says of itself.
import { el, get, toast } from "./api.js";
import { calm, clock, keep, left, refill, since, startClocks, words } from "./elements.js";
import { columnOf, doneRow, itemList, shortName } from "./restaurant-orders.js";
import { chooser, menuPanel, restaurantId, statusBar } from "./restaurant-parts.js";
import { askMinutes, askReason, listen, post, put, tellProblem } from "./staff.js";

const OPEN_STATUSES = [
  "CREATED",
  "SCHEDULED",
  "IN_PREPARATION",
  "SCHEDULING_DELIVERY",
  "WAITING_FOR_DRIVER",
];
const PAGE_MAX = 200;
const DONE_MAX = 12;
// Should a record be missed, the screen is not wrong for longer than this.
const RELOAD_MS = 60_000;
const READINGS_MAX = 10;
const READING_MS = 300;
const DEFAULT_MINUTES = 15;
const MINUTES_MAX = 180;

const REASONS = [
  ["too_busy", "Too busy"],
  ["item_unavailable", "Something is sold out"],
  ["closed", "We are closed"],
  ["price_mismatch", "A price is wrong"],
  ["other", "Something else"],
];

const orders = new Map();
const minutes = new Map();
const seen = new Set();
const busy = new Set();

// The order of a column's cards; what is the same is the oldest first.
const COLUMNS = {
  new: (order) => order.accept_by ?? order.status_since,
  cooking: (order) => order.expected_ready_at ?? order.status_since,
  ready: (order) => order.status_since,
  later: (order) => order.prepare_at ?? order.status_since,
};

/** Reads all orders anew; each answer is shown as it comes. */
async function loadAll() {
  const mine = `restaurant=${encodeURIComponent(restaurantId)}&limit=${PAGE_MAX}`;
  const queries = [...OPEN_STATUSES.map((status) => `&status=${status}`), ""];
  const answers = queries.map(async (query) => {
    const { items } = await get(`/api/order/orders?${mine}${query}`);
    items.forEach(take);
    show();
  });
  await Promise.all(answers);
  document.getElementById("screen").classList.remove("is-loading");
}

/** Keeps an order of this restaurant, unless a newer answer about it is here already. */
function take(order) {
  if (order.restaurant?.restaurant_id !== restaurantId) return;
  const before = orders.get(order.order_id);
  if (!before || order.version >= before.version) orders.set(order.order_id, order);
}

async function loadOne(orderId) {
  try {
    take(await get(`/api/order/orders/${encodeURIComponent(orderId)}`));
    show();
  } catch (problem) {
    if (problem.status !== 404) tellProblem(problem);
  }
}

const waiting = new Set();
const loadWaiting = calm(async () => {
  const ids = [...waiting];
  waiting.clear();
  await Promise.all(ids.map(loadOne));
  for (const id of ids) {
    if (isBehind(id, orders.get(id)?.version)) loadLater(id);
  }
}, 150);

// The newest version that was told of each order, and of the restaurant. The front folds the same
// log: what is read right after a record may still be what was before it.
const told = new Map();
const readings = new Map();

function hear(id, version) {
  readings.delete(id);
  told.set(id, Math.max(version ?? 0, told.get(id) ?? 0));
}

/** Whether what is known is older than what was told; gives up after some readings. */
function isBehind(id, version) {
  const count = readings.get(id) ?? 0;
  readings.set(id, count + 1);
  return count < READINGS_MAX && (version ?? 0) < (told.get(id) ?? 0);
}

function loadLater(id) {
  waiting.add(id);
  setTimeout(loadWaiting, READING_MS);
}

function onRecord(record) {
  if (record.topic === "restaurant.events") {
    hear(restaurantId, record.content?.version);
    return void loadRestaurant();
  }
  const orderId = record.order_id ?? record.content?.order_id;
  const isMine =
    orders.has(orderId) || record.type === "OrderCreated" || record.topic === "order.events";
  if (!orderId || !isMine) return;
  if (record.topic === "order.events") hear(orderId, record.content?.version);
  waiting.add(orderId);
  loadWaiting();
}

/** Asks the order front for something about an order; the button rests meanwhile. */
async function tell(order, call, done) {
  if (busy.has(order.order_id)) return;
  busy.add(order.order_id);
  show();
  try {
    await call(`/api/order/orders/${encodeURIComponent(order.order_id)}`);
    if (done) toast(done);
  } catch (problem) {
    tellProblem(problem);
  }
  await new Promise((resolve) => setTimeout(resolve, 250));
  busy.delete(order.order_id);
  await loadOne(order.order_id);
}

function show() {
  const all = [...orders.values()];
  for (const [name, by] of Object.entries(COLUMNS)) {
    const section = document.getElementById(`column-${name}`);
    const mine = all
      .filter((order) => columnOf(order) === name)
      .sort((one, other) => by(one).localeCompare(by(other)));
    section.querySelector(".column-count").textContent = mine.length;
    section.querySelector(".empty").hidden = mine.length > 0;
    keep(section.querySelector(".cards"), mine, (order) => order.order_id, card, signature);
  }
  const ended = all
    .filter((order) => columnOf(order) === "done")
    .sort((one, other) => other.status_since.localeCompare(one.status_since));
  for (const { order_id: id } of ended.slice(PAGE_MAX)) {
    for (const each of [orders, told, readings]) each.delete(id);
  }
  const done = ended.slice(0, DONE_MAX);
  document.getElementById("done").hidden = done.length === 0;
  keep(document.getElementById("done-list"), done, (order) => order.order_id, doneRow);
  attend(all.filter((order) => columnOf(order) === "new" && !order.refusal));
}

function signature(order) {
  const id = order.order_id;
  return `${order.version}/${busy.has(id)}/${minutes.get(id)}/${seen.has(id)}`;
}

/** Makes new orders hard to overlook: in the title, in a banner, and told to screen readers. */
function attend(unanswered) {
  const count = unanswered.length;
  const text =
    count === 1 ? "1 order waits for your answer" : `${count} orders wait for your answer`;
  document.title = count ? `(${count}) ${text} – Tiffin` : "Restaurant – Tiffin";
  const banner = document.getElementById("banner");
  banner.hidden = count === 0;
  const told = document.getElementById("banner-text");
  if (count && told.textContent !== text) told.textContent = text;
  const soonest = unanswered
    .map((order) => order.accept_by)
    .filter(Boolean)
    .sort()[0];
  const place = document.getElementById("banner-left");
  if (place.dataset.until !== (soonest ?? "")) {
    place.dataset.until = soonest ?? "";
    refill(place, soonest ? left(soonest, "– answer within", "– overdue for") : []);
  }
}

function card(order) {
  const column = columnOf(order);
  const isFresh = column === "new" && !order.refusal && !seen.has(order.order_id);
  const parts = order.refusal
    ? refusedParts(order)
    : { new: newParts, cooking: cookingParts, ready: readyParts, later: laterParts }[column](order);
  return el(
    "article",
    {
      class: `order-card is-${order.refusal ? "refused" : column} ${isFresh ? "is-fresh" : ""}`,
      tabindex: "-1",
      "aria-label": `Order ${shortName(order)}`,
      onpointerenter: () => seen.add(order.order_id),
      onfocusin: () => seen.add(order.order_id),
    },
    el(
      "header",
      {},
      el("h3", {}, shortName(order)),
      el(
        "span",
        { class: "order-time", title: `taken in ${clock(order.created_at)}` },
        parts.time,
      ),
    ),
    itemList(order),
    order.flags?.length
      ? el("p", { class: "warning" }, `Late: ${order.flags.map(words).join(", ")}`)
      : null,
    parts.note ? el("p", { class: "order-note" }, parts.note) : null,
    el("div", { class: "order-actions" }, parts.actions),
  );
}

/** A button of a card; while its order rests it keeps the focus, and does nothing. */
function button(order, focus, text, work, className = "") {
  return el(
    "button",
    {
      type: "button",
      class: `button ${className}`,
      "data-focus": focus,
      "aria-disabled": busy.has(order.order_id),
      onclick: () => busy.has(order.order_id) || work(),
    },
    text,
  );
}

function newParts(order) {
  const usual = Math.max(1, Math.round((order.preparation_seconds ?? DEFAULT_MINUTES * 60) / 60));
  const chosen = minutes.get(order.order_id) ?? usual;
  const step = (by) => () => {
    minutes.set(
      order.order_id,
      Math.min(MINUTES_MAX, Math.max(1, (chosen === 1 ? 0 : chosen) + by)),
    );
    seen.add(order.order_id);
    show();
  };
  const accept = (path) => post(`${path}/accept`, { preparation_seconds: chosen * 60 });
  return {
    time: order.accept_by ? left(order.accept_by, "answer within", "answer overdue for") : "new",
    note: order.ready_at ? `Wanted at ${clock(order.ready_at)}` : null,
    actions: [
      el(
        "div",
        { class: "stepper", role: "group", "aria-label": "Minutes to cook" },
        button(order, "less", "−5", step(-5)),
        el("output", {}, `${chosen} min`),
        button(order, "more", "+5", step(5)),
      ),
      button(order, "accept", "Accept", () => tell(order, accept), "primary"),
      button(order, "refuse", "Refuse…", () => refuse(order), "danger"),
    ],
  };
}

function refusedParts(order) {
  const { reason, detail, final_at } = order.refusal;
  const why = `${words(reason).toLowerCase()}${detail ? ` – ${detail}` : ""}`;
  return {
    time: left(final_at, "final in", "final for"),
    note: `Refused: ${why}. The customer is told when this is final.`,
    actions: [
      button(
        order,
        "undo",
        "Take it after all",
        () => tell(order, (path) => post(`${path}/undo-refusal`)),
        "primary",
      ),
    ],
  };
}

function cookingParts(order) {
  const ready = order.expected_ready_at;
  const move = (by) => () =>
    moveReady(
      order,
      new Date(
        Math.max(new Date(ready ?? Date.now()).getTime() + by * 60_000, Date.now() + 30_000),
      ),
    );
  return {
    time: ready ? left(ready, "ready in", "late for") : "cooking",
    note: ready ? `Said to be ready at ${clock(ready)}` : "No ready time was said.",
    actions: [
      button(
        order,
        "ready",
        "Ready",
        () => tell(order, (path) => post(`${path}/preparation-finished`)),
        "primary",
      ),
      el(
        "div",
        { class: "stepper", role: "group", "aria-label": "Ready at another time" },
        button(order, "sooner", "−5 min", move(-5)),
        button(order, "later", "+5 min", move(5)),
        button(order, "time", "Other…", () => otherTime(order)),
      ),
      button(order, "refuse", "Can't cook it…", () => refuse(order), "danger"),
    ],
  };
}

function readyParts(order) {
  return {
    time: since(order.status_since, "ready for"),
    note: order.driver_id
      ? `Driver ${order.driver_id} is on the way.`
      : "A driver is being sought.",
    actions: [button(order, "cancel", "Can't hand it over…", () => cancel(order), "danger")],
  };
}

function laterParts(order) {
  return {
    time: order.prepare_at ? `start at ${clock(order.prepare_at)}` : "later",
    note: order.ready_at ? `Wanted at ${clock(order.ready_at)}` : null,
    actions: [button(order, "cancel", "Can't do it…", () => cancel(order), "danger")],
  };
}

async function refuse(order) {
  const answer = await askReason(
    `Refuse ${shortName(order)}?`,
    "You can take it back for a short while.",
    REASONS,
    "Refuse the order",
  );
  if (answer) await tell(order, (path) => post(`${path}/refuse`, answer));
}

async function cancel(order) {
  const text = "The customer gets all money back. This can't be undone.";
  const answer = await askReason(`Cancel ${shortName(order)}?`, text, REASONS, "Cancel the order");
  if (!answer) return;
  const reason = answer.detail ? `${answer.reason}: ${answer.detail}` : answer.reason;
  await tell(order, (path) => post(`${path}/cancel`, { by: "restaurant", reason }));
}

async function otherTime(order) {
  const chosen = await askMinutes(
    `When is ${shortName(order)} ready?`,
    "Ready in so many minutes from now",
    DEFAULT_MINUTES,
    MINUTES_MAX,
  );
  if (chosen) await moveReady(order, new Date(Date.now() + chosen * 60_000));
}

async function moveReady(order, at) {
  await tell(
    order,
    (path) => put(`${path}/ready-time`, { ready_at: at.toISOString() }),
    `${shortName(order)} is ready at ${clock(at)}.`,
  );
}

let loadRestaurant = async () => {};

async function start() {
  startClocks();
  document.getElementById("to-first").addEventListener("click", () => {
    const first = document.querySelector("#column-new .order-card:not(.is-refused) button.primary");
    first?.scrollIntoView({ block: "center" });
    first?.focus({ preventScroll: true });
  });
  const bar = statusBar(document.getElementById("restaurant-bar"));
  const menu = menuPanel(document.getElementById("menu"));
  loadRestaurant = calm(async () => {
    const shown = await bar.load();
    if (shown) menu(shown);
    if (isBehind(restaurantId, shown?.version)) setTimeout(loadRestaurant, READING_MS);
  }, 200);
  loadRestaurant();
  listen(
    { kinds: "events", restaurant_id: restaurantId },
    onRecord,
    calm(() => loadAll().catch(tellProblem), 300),
    { staysOn: true },
  );
  await loadAll().catch(tellProblem);
  setInterval(() => loadAll().catch(() => {}), RELOAD_MS);
}

if (restaurantId) start();
else chooser(document.getElementById("chooser"));
