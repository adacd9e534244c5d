// What a restaurant says of itself: whether it takes orders, and what it is out of; and its choice.
import { el, fill, get, toast } from "./api.js";
import { clock, keep, left, pill, refill, words } from "./elements.js";
import { ask, choices, put, remove, tellProblem } from "./staff.js";

const PAGE_MAX = 500;
const [, idInPath] = location.pathname.match(/^\/restaurant\/([^/]+)\/?$/) ?? [];

/** The restaurant that the page is about; null where it is still to be chosen. */
export const restaurantId = idInPath ? decodeURIComponent(idInPath) : null;

const path = `/api/order/restaurants/${encodeURIComponent(restaurantId ?? "")}`;

const HOW_LONG = [
  ["30", "30 minutes"],
  ["60", "1 hour"],
  ["120", "2 hours"],
  ["tonight", "Until midnight"],
  ["", "Until I say otherwise"],
];

function untilOf(choice) {
  if (choice === "") return null;
  const until = new Date();
  if (choice === "tonight") until.setHours(24, 0, 0, 0);
  else until.setMinutes(until.getMinutes() + Number(choice));
  return until.toISOString();
}

/** All restaurants that are known: of the shop, and those that have said or cooked something. */
async function restaurants() {
  const [shop, told, recent] = await Promise.all([
    get("/api/shop/restaurants").catch(() => []),
    get(`/api/order/restaurants?limit=${PAGE_MAX}`).catch(() => ({ items: [] })),
    get(`/api/order/orders?limit=${PAGE_MAX}`).catch(() => ({ items: [] })),
  ]);
  const known = new Map(shop.map((each) => [each.restaurant_id, { ...each, open: 0 }]));
  const entry = (id) =>
    known.get(id) ?? known.set(id, { restaurant_id: id, name: id, open: 0 }).get(id);
  told.items.forEach((each) => Object.assign(entry(each.restaurant_id), { status: each.status }));
  for (const order of recent.items) {
    if (!order.restaurant) continue;
    const isOpen = !["DELIVERED", "REJECTED", "CANCELLED", "IN_DELIVERY"].includes(order.status);
    entry(order.restaurant.restaurant_id).open += isOpen ? 1 : 0;
  }
  return [...known.values()];
}

/** The page without a restaurant: all of them, to choose from. */
export async function chooser(place) {
  document.getElementById("screen").hidden = true;
  document.getElementById("chooser-section").hidden = false;
  try {
    const all = await restaurants();
    const search = document.getElementById("chooser-search");
    const show = () => {
      const wanted = search.value.trim().toLowerCase();
      const shown = all.filter((each) =>
        `${each.name} ${each.restaurant_id}`.toLowerCase().includes(wanted),
      );
      keep(place, shown, (each) => each.restaurant_id, choice);
    };
    search.addEventListener("input", show);
    show();
  } catch (problem) {
    tellProblem(problem);
  }
}

function choice(restaurant) {
  const open = restaurant.open === 1 ? "1 open order" : `${restaurant.open} open orders`;
  return el(
    "li",
    {},
    el(
      "a",
      {
        class: "card restaurant-choice",
        href: `/restaurant/${encodeURIComponent(restaurant.restaurant_id)}`,
      },
      el("b", {}, restaurant.name),
      el("span", { class: "muted small" }, restaurant.kind ?? restaurant.restaurant_id),
      el(
        "span",
        { class: "row" },
        pill(restaurant.status ?? "OPEN"),
        el("span", { class: "small" }, open),
      ),
    ),
  );
}

/** The bar with the restaurant's status; `load` asks anew and returns what is known. */
export function statusBar(place) {
  const load = async () => {
    const [shop, own] = await Promise.all([
      get("/api/shop/restaurants").catch(() => []),
      get(path).catch((problem) => (problem.status === 404 ? {} : Promise.reject(problem))),
    ]).catch((problem) => (tellProblem(problem), []));
    if (!own) return null;
    const listed = shop.find((each) => each.restaurant_id === restaurantId);
    const status = isOver(own.until) ? "OPEN" : (own.status ?? "OPEN");
    const known = { name: restaurantId, menu: [], ...listed, ...own, status };
    document.getElementById("restaurant-name").textContent = known.name;
    refill(place, ...statusParts(known, load));
    return known;
  };
  return { load };
}

const isOver = (until) => until && new Date(until) <= new Date();

function statusParts(known, load) {
  const set = async (body) => {
    try {
      await put(`${path}/status`, body);
      toast(
        body.status === "OPEN"
          ? "You take orders."
          : `You are ${words(body.status).toLowerCase()}.`,
      );
    } catch (problem) {
      tellProblem(problem);
    }
    setTimeout(load, 300);
  };
  const until = known.status === "OPEN" ? null : known.until;
  const busyMinutes = Math.round((known.busy_seconds ?? 0) / 60);
  const explained = {
    OPEN: "You take orders.",
    BUSY: `You take orders and cook ${busyMinutes} min longer.`,
    PAUSED: "You take no new orders.",
    OFFLINE: "You take no orders.",
  }[known.status];
  return [
    el(
      "p",
      { class: "status-line" },
      pill(known.status),
      el("span", {}, explained),
      until
        ? el(
            "span",
            { class: "muted" },
            `Until ${clock(until)} (`,
            left(until, "in", "over for"),
            ")",
          )
        : null,
      known.is_in_hours === false
        ? el("span", { class: "badge warn" }, "Outside opening hours")
        : null,
    ),
    el(
      "div",
      { class: "chips", role: "group", "aria-label": "Do you take orders?" },
      statusButton(known, "OPEN", "Open", () => set({ status: "OPEN" })),
      statusButton(known, "BUSY", "Busy…", () => askBusy(set)),
      statusButton(known, "PAUSED", "Pause…", () => askPause(set)),
      statusButton(known, "OFFLINE", "Offline", () => set({ status: "OFFLINE" })),
    ),
  ];
}

function statusButton(known, status, text, work) {
  const isOn = known.status === status;
  return el(
    "button",
    { type: "button", "data-focus": status, "aria-pressed": isOn, onclick: work },
    text,
  );
}

async function askBusy(set) {
  const longer = [
    ["5", "5 minutes"],
    ["10", "10 minutes"],
    ["20", "20 minutes"],
    ["30", "30 minutes"],
  ];
  const answer = await ask({
    title: "Busy",
    text: "You take orders, and each is expected to cook longer.",
    yes: "We are busy",
    fields: [
      choices("longer", "How much longer?", longer),
      choices("until", "For how long?", HOW_LONG),
    ],
  });
  if (!answer) return;
  await set({
    status: "BUSY",
    busy_seconds: Number(answer.longer) * 60,
    until: untilOf(answer.until),
  });
}

async function askPause(set) {
  const answer = await ask({
    title: "Pause",
    text: "No new orders come. What you have stays.",
    yes: "Pause",
    fields: [choices("until", "For how long?", HOW_LONG)],
  });
  if (answer) await set({ status: "PAUSED", until: untilOf(answer.until) });
}

/** The panel of items; the function returned shows what is known now. */
export function menuPanel(place) {
  let known = null;
  const search = el("input", {
    type: "search",
    placeholder: "Find an item",
    "aria-label": "Find an item",
  });
  const list = el("ul", { class: "menu-list" });
  const show = () =>
    known && keep(list, shownItems(known, search.value), (item) => item.name, itemRow);
  search.addEventListener("input", show);
  fill(place, search, list);
  return (next) => {
    known = next;
    search.hidden = known.menu.length < 8;
    show();
    const count = (known.snoozed ?? []).length;
    document.getElementById("snoozed-count").textContent = count
      ? `${count} sold out`
      : "all there";
  };
}

/** A snoozed item is a text in the shop's list, an object with `until` in the front's answer. */
function shownItems(known, wanted) {
  const snoozed = new Map(
    (known.snoozed ?? []).map((each) => [each.item ?? each, each.until ?? null]),
  );
  const names = new Set([...snoozed.keys(), ...known.menu.map((item) => item.name)]);
  return [...names]
    .filter((name) => name.toLowerCase().includes(wanted.trim().toLowerCase()))
    .map((name) => ({ name, isOut: snoozed.has(name), until: snoozed.get(name) ?? null }));
}

function itemRow(item) {
  const address = `${path}/items/${encodeURIComponent(item.name)}/snooze`;
  const act = async (event) => {
    const pressed = event.currentTarget;
    try {
      if (item.isOut) await remove(address);
      else {
        const title = `${item.name} is sold out`;
        const answer = await ask({
          title,
          yes: "Sold out",
          fields: [choices("until", "For how long?", HOW_LONG)],
        });
        if (!answer) return;
        await put(address, { until: untilOf(answer.until) });
      }
      pressed.disabled = true;
    } catch (problem) {
      tellProblem(problem);
    }
  };
  const until = item.until ? `sold out until ${clock(item.until)}` : "sold out";
  const label = `${item.isOut ? "Back again" : "Sold out"}: ${item.name}`;
  const text = item.isOut ? "Back again" : "Sold out…";
  return el(
    "li",
    { class: item.isOut ? "is-out" : "" },
    el("span", {}, item.name, item.isOut ? el("small", {}, until) : null),
    el(
      "button",
      {
        type: "button",
        class: "button small",
        "data-focus": "act",
        "aria-label": label,
        onclick: act,
      },
      text,
    ),
  );
}
