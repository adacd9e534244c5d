// The operations board: counts, charts, the map, and all that a person has to look at; live.
import { el, fill, get, time, timeWithSeconds } from "./api.js";
import { showLetters } from "./board-letters.js";
import { createBoardMap } from "./board-map.js";
import { startSearch } from "./board-search.js";
import { stuckRows } from "./board-stuck.js";
import { ageChart, lineChart } from "./charts.js";
import { calm, keep, startClocks, tone, words } from "./elements.js";
import { listen, tellProblem } from "./staff.js";

const EVENTS_MAX = 60;
const MOVEMENTS = new Set([
  "DriverLocated",
  "DriverHeard",
  "DeliveryEtaChanged",
  "OrderEtaChanged",
]);
const ORDER_STATUSES = [
  ...["CREATED", "SCHEDULED", "IN_PREPARATION", "SCHEDULING_DELIVERY", "WAITING_FOR_DRIVER"],
  ...["IN_DELIVERY", "DELIVERED", "REJECTED", "CANCELLED"],
];
const SERIES = [
  { key: "submitted", label: "Submitted", className: "series-submitted" },
  { key: "delivered", label: "Delivered", className: "series-delivered" },
  { key: "cancelled", label: "Cancelled", className: "series-cancelled" },
  { key: "rejected", label: "Rejected", className: "series-rejected" },
];
const OTHERS = [
  ["deliveries_by_status", "Deliveries"],
  ["drivers_by_status", "Drivers"],
  ["payments_by_status", "Payments"],
];

const byId = (id) => document.getElementById(id);
const throughput = lineChart(byId("throughput"), SERIES, "Orders per minute over the last hour");
const ages = ageChart(byId("ages"));
const map = createBoardMap(byId("map"), byId("map-legend"), byId("map-text"));

/** A loader that shows its first failure, and then keeps still until it works again. */
function loader(path, show) {
  let isFailing = false;
  return async () => {
    try {
      show(await get(path));
      isFailing = false;
    } catch (problem) {
      if (!isFailing) tellProblem(problem);
      isFailing = true;
    }
  };
}

const loadSummary = loader("/api/board/summary", (summary) => {
  showReading(summary);
  showCounts(summary);
  throughput(summary.throughput ?? []);
  ages(orderedAges(summary.ages ?? []));
  showLag(summary.lag ?? []);
  showWorkers(summary);
});
const loadMap = loader("/api/board/map", (places) => map.show(places));
const loadRejections = loader("/api/board/rejections", (answer) => showRejections(listOf(answer)));
const loadLetters = loader("/api/board/dead-letters", (answer) =>
  showLetters(listOf(answer), soon.letters),
);
const loadStuck = loader("/api/board/stuck", (answer) => {
  const rows = stuckRows(byId("stuck"), answer, soon.stuck);
  const unknown = answer.unknown ?? [];
  byId("stuck-empty").hidden = rows > 0 && unknown.length === 0;
  byId("stuck-empty").textContent = unknown.length
    ? `The ${unknown.join(" and the ")} service can't say right now what waits for an operator.`
    : "Nothing waits for an operator.";
  badge("stuck-count", unknown.length ? `${rows || "?"}` : rows);
});

const soon = {
  summary: calm(loadSummary, 1500),
  map: calm(loadMap, 2000),
  rejections: calm(loadRejections, 1500),
  letters: calm(loadLetters, 1500),
  stuck: calm(loadStuck, 1500),
};
const all = () => Object.values(soon).forEach((load) => load());

const listOf = (answer) => (Array.isArray(answer) ? answer : (answer?.items ?? []));

function badge(id, count) {
  byId(id).textContent = count;
  byId(id).className = `badge ${count ? "bad" : "good"}`;
}

/** While the web front reads the log at its start: that it does, and how far it is. */
function showReading({ is_live: isLive = true, read_share: share = 0 }) {
  byId("reading").hidden = isLive;
  if (isLive) return;
  const percent = Math.floor(share * 100);
  byId("reading-share").value = percent;
  byId("reading-text").textContent = `${percent} %`;
  setTimeout(soon.summary, 500);
}

function showCounts(summary) {
  const counts = summary.orders_by_status ?? {};
  const shown = ORDER_STATUSES.map((status) => ({ status, count: counts[status] ?? 0 }));
  keep(
    byId("order-counts"),
    shown,
    (each) => each.status,
    (each) =>
      el(
        "li",
        { class: `count ${tone(each.status)} ${each.count ? "" : "is-zero"}` },
        el("b", {}, each.count),
        el("span", {}, words(each.status)),
      ),
  );
  const groups = OTHERS.map(([name, title]) => ({
    title,
    counts: Object.entries(summary[name] ?? {}),
  }));
  keep(
    byId("other-counts"),
    groups,
    (each) => each.title,
    (each) =>
      el(
        "p",
        { class: "row" },
        el("b", {}, each.title),
        ...(each.counts.length ? [] : [el("span", { class: "muted" }, "none")]),
        ...each.counts.map(([status, count]) =>
          el("span", { class: `badge ${tone(status)}` }, `${words(status)} ${count}`),
        ),
      ),
  );
  const { orders = null, deliveries = null } = summary.flagged ?? {};
  const isWell = orders === 0 && deliveries === 0;
  const flagged = el(
    "span",
    { class: `badge ${isWell ? "good" : "bad"}` },
    `Flagged: ${orders ?? "?"} ${orders === 1 ? "order" : "orders"}, `,
    `${deliveries ?? "?"} ${deliveries === 1 ? "delivery" : "deliveries"}`,
  );
  fill(byId("counts-more"), flagged);
}

function orderedAges(rows) {
  return ORDER_STATUSES.flatMap((status) => rows.filter((each) => each.status === status));
}

function showWorkers({ workers = [] }) {
  keep(
    byId("workers"),
    workers,
    (each) => each.service,
    (each) => {
      const text = `${each.service} ${each.ready ? "ready" : "not ready"}`;
      return el(
        "span",
        { class: `badge ${each.ready ? "good" : "bad"}`, title: each.detail },
        text,
      );
    },
  );
}

function showLag(rows) {
  const lines = new Map();
  let partitions = 0;
  for (const each of rows) {
    const name = `${each.service} ${each.topic}`;
    if (!lines.has(name)) lines.set(name, { service: each.service, topic: each.topic, cells: [] });
    lines.get(name).cells[each.partition] = each.records;
    partitions = Math.max(partitions, each.partition + 1);
  }
  const numbers = [...Array(partitions).keys()];
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, "Service takes"),
    ...numbers.map((number) => el("th", { scope: "col", class: "num" }, number)),
  );
  const body = [...lines.values()].map((line) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("b", {}, line.service), el("small", {}, line.topic)),
      ...numbers.map((number) => lagCell(line.cells[number])),
    ),
  );
  const empty = el("tr", {}, el("td", { class: "muted" }, "No service tells its lag."));
  fill(
    byId("lag"),
    el("thead", {}, partitions ? head : ""),
    el("tbody", {}, ...(body.length ? body : [empty])),
  );
}

function lagCell(records) {
  if (records === undefined) return el("td", { class: "num muted" }, "–");
  const level = records === 0 ? "" : records < 100 ? "is-some" : "is-much";
  return el("td", { class: `num ${level}` }, records);
}

function showRejections(rows) {
  byId("rejections-empty").hidden = rows.length > 0;
  byId("rejections").closest(".table-wrap").hidden = rows.length === 0;
  keep(byId("rejections"), rows, rowKey, rejectionRow);
}

const rowKey = (each) => `${each.topic}/${each.partition}/${each.offset}/${each.id ?? ""}`;

function rejectionRow(each) {
  const { content = each } = each;
  const orderId = each.order_id ?? content.order_id;
  const of = orderId ?? content.key ?? each.key;
  return el(
    "tr",
    {},
    el("td", { class: "nowrap" }, time(each.at ?? content.occurred_at)),
    el("td", {}, content.command_type),
    el("td", {}, orderId ? orderLink(orderId) : el("span", { class: "mono" }, of)),
    el(
      "td",
      {},
      el("b", {}, words(content.reason)),
      el("span", { class: "detail" }, content.detail),
    ),
  );
}

/** A link to an order's story. */
function orderLink(orderId) {
  return el(
    "a",
    { class: "mono", href: `/board/orders/${encodeURIComponent(orderId)}`, title: orderId },
    orderId.slice(0, 8),
  );
}

const latest = [];

function showEvents() {
  const withMoves = byId("events-moves").checked;
  const shown = latest
    .filter((each) => withMoves || !MOVEMENTS.has(each.type))
    .slice(0, EVENTS_MAX / 2);
  keep(byId("events"), shown, rowKey, eventRow, rowKey);
}

function eventRow(record) {
  const said = record.content ?? {};
  const hint = said.reason ?? said.flag ?? said.driver_id ?? said.restaurant_id ?? "";
  return el(
    "li",
    { class: `event is-${record.kind ?? "event"}` },
    el("time", { datetime: record.at }, timeWithSeconds(record.at)),
    el(
      "span",
      { class: "event-type" },
      record.type === "CommandRejected" ? `${said.command_type} refused` : record.type,
    ),
    el("span", { class: "muted event-hint" }, hint),
    record.order_id
      ? orderLink(record.order_id)
      : el("span", { class: "mono muted" }, String(record.key ?? "").slice(0, 12)),
  );
}

const eventsSoon = calm(showEvents, 400);

function onRecord(record) {
  const kind = String(record.topic).split(".").at(-1);
  latest.unshift(record);
  latest.length = Math.min(latest.length, EVENTS_MAX * 4);
  eventsSoon();
  if (record.type === "DriverLocated")
    return map.move(record.content.driver_id, record.content.location);
  if (kind === "rejections") return soon.rejections();
  if (kind === "dead-letters") return soon.letters();
  soon.summary();
  if (/^(order|delivery)\.events$/.test(record.topic)) soon.stuck();
  if (!record.topic.startsWith("order.")) soon.map();
}

startClocks();
startSearch(byId("search"), byId("search-text"), byId("search-results"));
byId("events-moves").addEventListener("change", showEvents);
byId("letters-all").addEventListener("change", soon.letters);
all();
listen({ kinds: "events,rejections,dead-letters" }, onRecord, all);
// What no record tells: time goes by, and lag falls.
setInterval(soon.summary, 4000);
setInterval(soon.stuck, 15_000);
setInterval(soon.map, 10_000);
