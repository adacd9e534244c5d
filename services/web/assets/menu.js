/** One restaurant's menu, with the cart beside it. */
import { el, fill, money } from "./api.js";
import { cart, count, lines, quantityOf } from "./cart.js";
import { refill } from "./elements.js";
import { picture } from "./pictures.js";
import { badgesOf, clockTime, opennessOf, preparationText, put } from "./shop-parts.js";
import { itemsText, snoozeOf, stepper } from "./shop-parts.js";

/** { element, title, update(), renew(restaurant) } */
export function menuView(given) {
  let restaurant = given;
  const head = el("div", { class: "stack" });
  const dishes = el("div", { class: "stack" });
  const side = el("aside", { class: "cart-side card", "aria-labelledby": "cart-title" });

  function update() {
    refill(dishes, sections(restaurant));
    refill(side, cartSide(restaurant));
  }

  function renew(found) {
    restaurant = found ?? restaurant;
    fill(head, menuHead(restaurant));
    update();
  }

  renew(restaurant);
  const back = el("a", { class: "back", href: "#/" }, "← All restaurants");
  const main = el("div", { class: "stack" }, back, head, dishes);
  const element = el("div", { class: "with-cart" }, main, side);
  return { element, title: restaurant.name, update, renew };
}

function menuHead(restaurant) {
  const { text, now } = opennessOf(restaurant);
  const facts = [restaurant.kind, preparationText(restaurant)].filter(Boolean).join(" · ");
  return [
    el(
      "div",
      { class: "menu-head" },
      picture(restaurant.menu[0]?.name ?? restaurant.kind, restaurant.kind, { isWide: true }),
    ),
    el("div", { class: "row" }, el("h1", { tabindex: -1 }, restaurant.name), badgesOf(restaurant)),
    el("p", { class: "muted" }, facts),
    restaurant.description ? el("p", {}, restaurant.description) : null,
    text ? el("p", { class: `notice ${now ? "" : "warn"}` }, text) : null,
  ];
}

function sections(restaurant) {
  const kinds = [...new Set(restaurant.menu.map((item) => item.kind ?? ""))];
  return kinds.map((kind) => {
    const items = restaurant.menu.filter((item) => (item.kind ?? "") === kind);
    return el(
      "section",
      { class: "stack" },
      el("h2", {}, headingOf(kind)),
      el(
        "ul",
        { class: "dishes" },
        items.map((item) => dish(restaurant, item)),
      ),
    );
  });
}

const HEADINGS = {
  "": "Menu",
  main: "Mains",
  side: "Sides",
  drink: "Drinks",
  starter: "Starters",
  dessert: "Desserts",
  sweet: "Sweets",
  soup: "Soups",
  salad: "Salads",
};

function headingOf(kind) {
  return HEADINGS[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1);
}

function dish(restaurant, item) {
  const snooze = snoozeOf(restaurant, item.name);
  const price = money(item.price_cents, restaurant.currency ?? "USD");
  const end = snooze?.until ? ` until ${clockTime(snooze.until, restaurant.zone)}` : "";
  return el(
    "li",
    { class: `card dish ${snooze ? "is-out" : ""}` },
    picture(item.name, `${item.kind ?? ""} ${restaurant.kind}`),
    el(
      "div",
      { class: "dish-text" },
      el("h3", {}, item.name),
      item.description ? el("p", { class: "muted small" }, item.description) : null,
      snooze ? el("p", {}, el("span", { class: "badge warn" }, `Sold out${end}`)) : null,
    ),
    el("strong", { class: "dish-price" }, price),
    el("div", { class: "dish-add" }, control(restaurant, item, snooze)),
  );
}

function control(restaurant, item, snooze) {
  const { restaurant_id: id } = restaurant;
  const quantity = quantityOf(id, item.name);
  const openness = opennessOf(restaurant);
  const isClosed = !openness.now && !openness.later;
  if (quantity > 0) {
    return stepper(id, item.name, quantity, Boolean(snooze) || isClosed);
  }
  const reason = (snooze && "sold out") || (isClosed && openness.text) || "";
  return el(
    "button",
    {
      class: "button small",
      type: "button",
      "aria-label": `Add ${item.name}${reason ? `, not possible: ${reason}` : ""}`,
      "data-focus": `add-${item.name}`,
      disabled: Boolean(reason),
      onclick: () => put(id, item.name, 1),
    },
    "Add",
  );
}

function cartSide(restaurant) {
  const title = el("h2", { id: "cart-title" }, "Your cart");
  const found = lines(restaurant);
  if (found.length === 0) {
    const isElsewhere = cart().restaurant_id !== restaurant.restaurant_id && count() > 0;
    const link = el("a", { href: "#/checkout" }, "Go to it");
    return [
      title,
      isElsewhere
        ? el("p", { class: "muted" }, "Your cart is with another restaurant. ", link)
        : el("p", { class: "muted" }, "Nothing in it yet. Add a dish you like."),
    ];
  }
  const currency = restaurant.currency ?? "USD";
  const cents = found.reduce((sum, line) => sum + line.cents, 0);
  return [
    title,
    el(
      "ul",
      { class: "cart-lines" },
      found.map((line) =>
        el(
          "li",
          {},
          el("span", {}, `${line.quantity} × ${line.name}`),
          el("span", { class: "num" }, money(line.cents, currency)),
        ),
      ),
    ),
    el(
      "p",
      { class: "spread total" },
      el("span", {}, itemsText(count())),
      el("strong", {}, money(cents, currency)),
    ),
    el("a", { class: "button primary", href: "#/checkout", "data-focus": "checkout" }, "Checkout"),
  ];
}
