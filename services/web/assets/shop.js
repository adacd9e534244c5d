/** The shop: the list of restaurants, a menu, the checkout; "#/<restaurant>" and "#/checkout". */
import { announce, el, explain, fill, get } from "./api.js";
import { cart, count, lines, onCartChange, orders } from "./cart.js";
import { checkoutView } from "./checkout.js";
import { refill } from "./elements.js";
import { menuView } from "./menu.js";
import { picture, plain } from "./pictures.js";
import { cartBar, badgesOf, preparationText } from "./shop-parts.js";

const REFRESH_MS = 10_000;
const TITLE = "Tiffin";

const view = document.getElementById("view");
const bar = document.getElementById("cart-bar");
const problem = document.getElementById("problem");
const filter = { text: "", kind: "" };
let restaurants = [];
let shown = null;
let named = "";

async function load() {
  try {
    const found = await get("/api/shop/restaurants");
    const isNew = JSON.stringify(found) !== JSON.stringify(restaurants);
    restaurants = found;
    problem.replaceChildren();
    return isNew;
  } catch (error) {
    const text = `The restaurants can't be shown as they are now. ${explain(error)}`;
    if (problem.textContent !== text) {
      fill(problem, el("p", { class: "notice bad" }, text));
    }
    return false;
  }
}

const find = (id) => restaurants.find((each) => each.restaurant_id === id) ?? null;

/** What the address names: "" for the list. "#main", of the skip link, is a place on the page. */
function address() {
  if (location.hash === "" || location.hash.startsWith("#/")) {
    named = location.hash.slice(2);
  }
  try {
    return decodeURIComponent(named);
  } catch {
    return "";
  }
}

/** Shows what the address names; the focus goes to its heading when one comes from another. */
function show({ isMove = false } = {}) {
  const name = address();
  shown?.leave?.();
  const restaurant = find(name);
  if (name === "checkout") {
    shown = checkoutView(find(cart().restaurant_id));
  } else {
    shown = restaurant ? menuView(restaurant) : listView();
  }
  fill(view, shown.element);
  view.setAttribute("aria-busy", "false");
  document.title = `${shown.title} · ${TITLE}`;
  if (isMove) {
    const heading = view.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  showBar();
}

function showBar() {
  const restaurant = find(cart().restaurant_id);
  const isNeeded = count() > 0 && address() !== "checkout" && restaurant !== null;
  // On a wide screen the menu has its cart beside it.
  bar.classList.toggle("is-beside", find(address()) !== null);
  bar.hidden = !isNeeded;
  document.body.classList.toggle("has-cart-bar", isNeeded);
  if (isNeeded) {
    refill(bar, cartBar(restaurant, lines(restaurant), count()));
  }
}

function listView() {
  const results = el("div", { class: "grid" });
  const told = el("p", { class: "muted small", role: "status" });
  const kinds = [...new Set(restaurants.map((each) => each.kind))].sort();
  const chips = el("div", { class: "chips", role: "group", "aria-label": "Kind of food" });

  function update() {
    const found = restaurants.filter(isWanted);
    refill(results, found.map(restaurantCard));
    const one = found.length === 1;
    told.textContent = `${found.length} ${one ? "restaurant" : "restaurants"}`;
    if (found.length === 0) {
      fill(results, nothing(restaurants.length > 0, clear));
    }
    const choices = ["", ...kinds].map((kind) => kindChip(kind, () => choose(kind)));
    refill(chips, choices);
  }

  function choose(kind) {
    filter.kind = kind;
    update();
  }

  function clear() {
    Object.assign(filter, { text: "", kind: "" });
    search.value = "";
    update();
    search.focus();
  }

  const search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Taco, curry, salad …",
    autocomplete: "off",
    value: filter.text,
    oninput: (event) => {
      filter.text = event.target.value;
      update();
    },
  });
  update();
  const field = el(
    "div",
    { class: "field" },
    el("label", { for: "search" }, "Restaurant or dish"),
    search,
  );
  const element = el(
    "div",
    { class: "stack" },
    el("h1", {}, "What would you like to eat?"),
    el("div", { class: "shop-filter", role: "search" }, field, chips),
    recentOrders(),
    told,
    results,
  );
  return { element, title: "Order food", update };
}

function isWanted(restaurant) {
  if (filter.kind && restaurant.kind !== filter.kind) {
    return false;
  }
  const words = plain(filter.text).toLowerCase().split(/\s+/).filter(Boolean);
  const { name, kind, description, menu } = restaurant;
  const dishes = menu.flatMap((item) => [item.name, item.description]);
  const text = plain([name, kind, description, ...dishes].join(" ")).toLowerCase();
  return words.every((word) => text.includes(word));
}

function kindChip(kind, onclick) {
  const attributes = {
    type: "button",
    "aria-pressed": filter.kind === kind,
    "data-focus": `kind-${kind}`,
    onclick,
  };
  return el("button", attributes, kind || "All");
}

function restaurantCard(restaurant) {
  const { restaurant_id, name, kind, description } = restaurant;
  const link = el("a", { href: `#/${encodeURIComponent(restaurant_id)}` }, name);
  link.dataset.focus = `restaurant-${restaurant_id}`;
  const dishes = restaurant.menu.slice(0, 3).map((item) => item.name);
  return el(
    "article",
    { class: "card restaurant-card" },
    picture(restaurant.menu[0]?.name ?? kind, kind, { isWide: true }),
    el(
      "div",
      { class: "restaurant-text" },
      el("h2", {}, link),
      el("p", { class: "card-badge" }, badgesOf(restaurant)),
      el(
        "p",
        { class: "muted small" },
        [kind, preparationText(restaurant)].filter(Boolean).join(" · "),
      ),
      el("p", {}, description || dishes.join(", ")),
    ),
  );
}

function nothing(isFiltered, onclick) {
  const text = isFiltered ? "Nothing here matches that." : "There is no restaurant yet.";
  const again = el("button", { class: "button", type: "button", onclick }, "Show all restaurants");
  return el(
    "div",
    { class: "empty stack" },
    el("p", {}, text),
    isFiltered ? el("p", {}, again) : null,
  );
}

function recentOrders() {
  const found = orders();
  if (found.length === 0) {
    return null;
  }
  const when = (at) => new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return el(
    "details",
    { class: "recent" },
    el("summary", {}, `Your orders on this device (${found.length})`),
    el(
      "ul",
      {},
      found.map((each) =>
        el("li", {}, el("a", { href: each.url }, each.restaurant), ` · ${when(each.at)}`),
      ),
    ),
  );
}

onCartChange(() => {
  shown?.update?.();
  showBar();
});
addEventListener("hashchange", () => {
  if (location.hash === "" || location.hash.startsWith("#/")) {
    show({ isMove: true });
    announce(shown.title);
  }
});
// A page that the browser shows from its own memory is not what it was.
addEventListener("pageshow", (event) => event.persisted && load().then(() => show()));

async function refresh() {
  if (document.visibilityState === "visible" && (await load())) {
    if (shown?.renew) {
      shown.renew(find(address() === "checkout" ? cart().restaurant_id : address()));
    } else {
      show();
    }
    showBar();
  }
}

await load();
show();
setInterval(refresh, REFRESH_MS);
document.addEventListener("visibilitychange", refresh);
