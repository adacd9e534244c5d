// The story of one order: each record of it on any topic, in lanes by service, with what it changed.
import { dateTime, el, fill, get, money, timeWithSeconds } from "./api.js";
import { deliveryActions, orderActions } from "./board-stuck.js";
import { calm, clock, keep, pill, refill, startClocks, words } from "./elements.js";
import { listen, tellProblem } from "./staff.js";
import { callGist, exchangeList } from "./story-call.js";
import { changeGist, changeTable } from "./story-change.js";

const SERVICES = ["order", "restaurant", "delivery", "matcher", "driver"];
const KINDS = [
  ["command", "Commands"],
  ["event", "Events"],
  ["call", "Calls outside"],
  ["rejection", "Rejections"],
  ["dead-letter", "Dead letters"],
];
const MOVEMENTS = new Set([
  "DriverLocated",
  "DriverHeard",
  "TrackDriver",
  "DeliveryEtaChanged",
  "OrderEtaChanged",
  "RecordEta",
]);

const byId = (id) => document.getElementById(id);
const orderId = decodeURIComponent(location.pathname.match(/^\/board\/orders\/([^/]+)/)?.[1] ?? "");
const path = encodeURIComponent(orderId);
const hidden = new Set();
let records = [];
let forgotten = 0;

async function loadStory() {
  try {
    const story = await get(`/api/board/orders/${path}/story`);
    records = story.records;
    forgotten = story.forgotten ?? 0;
    showRecords();
  } catch (problem) {
    if (problem.status !== 404) tellProblem(problem);
    else byId("story-empty").hidden = records.length > 0;
  }
}

async function loadOrder() {
  const order = await get(`/api/order/orders/${path}`).catch(
    (problem) => (problem.status === 404 || tellProblem(problem), null),
  );
  if (!order) return;
  const delivery =
    order.delivery_id &&
    (await get(`/api/delivery/deliveries/${encodeURIComponent(order.delivery_id)}`).catch(
      () => null,
    ));
  showFacts(order, delivery);
}

function fact(label, ...value) {
  return el("div", {}, el("dt", {}, label), el("dd", {}, ...value));
}

function showFacts(order, delivery) {
  document.title = `${words(order.status)} – story of ${orderId.slice(0, 8)} – Tiffin`;
  const refunds = (order.refunds ?? []).map((each) =>
    el("span", { class: "row" }, `${money(each.amount_cents, order.currency)} `, pill(each.status)),
  );
  const facts = [
    fact(
      "Order",
      pill(order.status),
      ...(order.flags ?? []).map((flag) => el("span", { class: "badge bad" }, words(flag))),
    ),
    order.payment &&
      fact("Payment", money(order.amount_cents, order.currency), " ", pill(order.payment)),
    refunds.length && fact("Refunds", ...refunds),
    delivery &&
      fact(
        "Delivery",
        pill(delivery.status),
        ...(delivery.flags ?? []).map((flag) => el("span", { class: "badge bad" }, words(flag))),
      ),
    order.driver_id && fact("Driver", order.driver_id),
    order.partner && fact("Partner's reference", `${order.partner} / ${order.reference}`),
    order.restaurant &&
      fact(
        "Restaurant",
        el(
          "a",
          { href: `/restaurant/${encodeURIComponent(order.restaurant.restaurant_id)}` },
          order.restaurant.restaurant_id,
        ),
      ),
    order.created_at && fact("Taken in", dateTime(order.created_at)),
    order.eta_at &&
      fact(
        order.delivered_at ? "Delivered" : "At the door",
        clock(order.delivered_at ?? order.eta_at),
      ),
    order.reason &&
      fact(
        "Why",
        words(order.reason),
        order.detail ? ` – ${order.detail}` : "",
        order.cancelled_by ? ` (by ${order.cancelled_by})` : "",
      ),
    order.items &&
      fact("Items", order.items.map((item) => `${item.quantity}× ${item.name}`).join(", ")),
  ].filter(Boolean);
  byId("now").hidden = false;
  fill(byId("facts"), el("dl", {}, ...facts));
  const reload = calm(() => Promise.all([loadOrder(), loadStory()]), 300);
  refill(
    byId("actions"),
    ...orderActions(order, reload),
    ...(delivery ? deliveryActions(delivery, reload) : []),
  );
}

function showRecords() {
  const withMoves = byId("moves").checked;
  const shown = records.filter(
    (each) => !hidden.has(each.kind) && (withMoves || !MOVEMENTS.has(each.type)),
  );
  const first = records.length ? new Date(records[0].at) : null;
  const types = new Map(records.map((each) => [each.id, each]));
  keep(byId("records"), shown, placeOf, (each) =>
    recordRow(each, first, types),
  );
  byId("story-empty").hidden = records.length > 0;
  const left = records.length - shown.length;
  const parts = [
    `${shown.length} of ${records.length} records`,
    left ? `${left} not shown` : "",
    forgotten ? `${forgotten} older ones forgotten` : "",
  ];
  byId("story-count").textContent = parts.filter(Boolean).join(", ");
  if (location.hash && !showRecords.hasJumped) {
    showRecords.hasJumped = true;
    document
      .getElementById(decodeURIComponent(location.hash.slice(1)))
      ?.scrollIntoView({ block: "center" });
  }
}

const placeOf = (each) => `${each.topic}/${each.partition}/${each.offset}`;

/** Of a record: what people know it by. */
function titleOf(record) {
  const said = record.content ?? {};
  if (record.kind === "rejection") return `${said.command_type ?? ""} refused`;
  return record.kind === "call" ? (said.call ?? record.type) : record.type;
}

function kindOf(record) {
  const kind = `${record.service} ${record.kind}`;
  return record.kind === "call" ? `${kind} · attempt ${record.content?.attempt}` : kind;
}

function recordRow(record, first, known) {
  const cause = known.get(record.causation_id);
  const lane = Math.max(0, SERVICES.indexOf(record.service));
  const after = (new Date(record.at) - first) / 1000;
  const said = record.content ?? {};
  const outcome = known.get(said.command_id);
  const isCall = record.kind === "call";
  const text = JSON.stringify(record.content, null, 2);
  const whole = el("pre", { class: "json", tabindex: "0" }, text);
  return el(
    "li",
    { class: `record is-${record.kind} lane-${lane} service-${record.service}`, id: record.id },
    el(
      "p",
      { class: "record-time" },
      el("time", { datetime: record.at, title: record.at }, timeWithSeconds(record.at)),
      el("span", { class: "muted" }, offsetText(after)),
    ),
    el(
      "details",
      {
        class: "record-box",
        "data-focus": "box",
        open: byId("all-open").getAttribute("aria-pressed") === "true",
      },
      el(
        "summary",
        {},
        el(
          "span",
          { class: "record-head" },
          el("span", { class: "record-kind" }, kindOf(record)),
          el("b", {}, titleOf(record)),
        ),
        isCall ? callGist(said) : changeGist(record),
      ),
      el(
        "p",
        { class: "muted small" },
        `${placeOf(record)}${record.version ? ` · version ${record.version}` : ""}`,
      ),
      cause && cause.id !== record.id ? recordLink("Because of ", cause) : null,
      isCall && outcome ? recordLink("Led to ", outcome) : null,
      isCall ? exchangeList(said) : null,
      changeTable(record),
      isCall ? el("details", {}, el("summary", { class: "small" }, "The record"), whole) : whole,
    ),
  );
}

function recordLink(label, cause) {
  const jump = (event) => {
    event.preventDefault();
    const target = document.getElementById(cause.id);
    if (!target) return;
    const box = target.querySelector("details");
    target.scrollIntoView({ block: "center", behavior: "smooth" });
    box.querySelector("summary").focus({ preventScroll: true });
    target.classList.add("is-pointed");
    setTimeout(() => target.classList.remove("is-pointed"), 1600);
  };
  return el(
    "p",
    { class: "small" },
    label,
    el("a", { href: `#${cause.id}`, onclick: jump }, `${cause.type} (${cause.service})`),
  );
}

function offsetText(seconds) {
  if (seconds < 0.0005) return "+0";
  if (seconds < 10) return `+${seconds.toFixed(3)} s`;
  if (seconds < 600) return `+${seconds.toFixed(1)} s`;
  return `+${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function showKinds() {
  const buttons = KINDS.map(([kind, label]) => {
    const onclick = () => {
      if (!hidden.delete(kind)) hidden.add(kind);
      showKinds();
      showRecords();
    };
    const isOn = !hidden.has(kind);
    return el(
      "button",
      { type: "button", "data-focus": kind, "aria-pressed": isOn, onclick },
      label,
    );
  });
  refill(byId("kinds"), ...buttons);
}

function toggleAll() {
  const button = byId("all-open");
  const isOpen = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", isOpen);
  button.textContent = isOpen ? "Close all" : "Open all";
  document.querySelectorAll(".record-box").forEach((each) => (each.open = isOpen));
}

byId("order-id").textContent = orderId;
fill(
  byId("lanes"),
  el("span", {}, "When"),
  ...SERVICES.map((each) => el("span", { class: `service-${each}` }, words(each))),
);
showKinds();
byId("moves").addEventListener("change", showRecords);
byId("all-open").addEventListener("click", toggleAll);
startClocks();
const soon = calm(() => Promise.all([loadStory(), loadOrder()]), 700);
soon();
listen({ kinds: "events,commands,rejections,dead-letters,calls", order_id: orderId }, soon, soon);
