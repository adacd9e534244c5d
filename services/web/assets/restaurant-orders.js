// How the screen of a restaurant names an order, and where it shows it.
import { el } from "./api.js";
import { clock, pill } from "./elements.js";

/** The column that an order belongs to, or null where the restaurant has nothing to do with it. */
export function columnOf(order) {
  if (order.refusal) return "new";
  switch (order.status) {
    case "SCHEDULED":
      return order.is_preparation_due ? "new" : "later";
    case "IN_PREPARATION":
      return "cooking";
    case "SCHEDULING_DELIVERY":
    case "WAITING_FOR_DRIVER":
      return "ready";
    case "CREATED":
      return null;
    default:
      return order.prepare_at ? "done" : null;
  }
}

/** What is to be cooked. */
export function itemList(order) {
  return el(
    "ul",
    { class: "order-items" },
    order.items.map((item) => el("li", {}, el("b", {}, `${item.quantity}×`), " ", item.name)),
  );
}

/** What the kitchen calls an order: the end of its reference, or of its id. */
export function shortName(order) {
  const reference = order.reference ?? "";
  return reference && reference.length <= 10
    ? `#${reference}`
    : `#${order.order_id.slice(0, 4).toUpperCase()}`;
}

/** A line about an order that the restaurant has nothing more to do with. */
export function doneRow(order) {
  return el(
    "li",
    {},
    el("b", {}, shortName(order)),
    pill(order.status),
    el("span", {}, clock(order.status_since)),
    el(
      "span",
      { class: "muted" },
      order.items.map((item) => `${item.quantity}× ${item.name}`).join(", "),
    ),
  );
}
