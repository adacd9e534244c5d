/** What a customer is told of an order: plain sentences for statuses, events, reasons and money. */
import { money } from "./api.js";
import { clockTime } from "./shop-parts.js";

export const STEPS = [
  ["CREATED", "Order placed"],
  ["SCHEDULED", "Paid, restaurant asked"],
  ["IN_PREPARATION", "Being cooked"],
  ["SCHEDULING_DELIVERY", "Ready to be picked up"],
  ["WAITING_FOR_DRIVER", "Driver found"],
  ["IN_DELIVERY", "On the way to you"],
  ["DELIVERED", "Delivered"],
];

const REASONS = {
  payment_declined: "The payment was declined.",
  restaurant_paused: "The restaurant takes no orders at the moment.",
  restaurant_offline: "The restaurant is offline.",
  item_unavailable: "Something you ordered is sold out.",
  outside_opening_hours: "The restaurant is closed at that time.",
  zone_mismatch: "The restaurant's clock could not be told.",
  closed: "The restaurant is closed.",
  too_busy: "The restaurant has too much to do.",
  price_mismatch: "A price has changed.",
  accept_timeout: "The restaurant did not answer in time.",
  too_late: "The restaurant could not make it in time.",
  delivery_failed: "It could not be delivered.",
  changed_mind: "You changed your mind.",
  ordered_by_mistake: "It was ordered by mistake.",
  takes_too_long: "It took too long.",
  other: "",
};

export function reasonText(reason) {
  if (!reason) {
    return "";
  }
  return REASONS[reason] ?? `Reason: ${reason.replaceAll("_", " ")}.`;
}

/** { title, text, kind } */
export function headlineOf({ order, restaurant }) {
  const name = restaurant.name;
  const delayed = order.payment === "DELAYED" ? " The payment takes longer than usual." : "";
  switch (order.status) {
    case "NEW":
    case "CREATED":
      return { title: "We have your order", text: `The payment is being made.${delayed}` };
    case "SCHEDULED":
      return scheduled(order, name);
    case "IN_PREPARATION":
      return { title: "Your food is being cooked", text: `${name} is at it.` };
    case "SCHEDULING_DELIVERY":
      return { title: "Your food is ready", text: "We are looking for a driver." };
    case "WAITING_FOR_DRIVER":
      return {
        title: "A driver is on the way",
        text: `The driver is going to ${name} for your food.`,
      };
    case "IN_DELIVERY":
      return { title: "On the way to you", text: "Your food has left the restaurant." };
    case "DELIVERED":
      return { title: "Delivered", text: "Enjoy your meal!", kind: "good" };
    case "REJECTED":
      return ended("Your order was not taken", reasonText(order.reason), order);
    case "CANCELLED":
      return ended("Your order was cancelled", cancelledBy(order, name), order);
    default:
      return { title: "Your order", text: "" };
  }
}

function scheduled(order, name) {
  if (order.refusal) {
    return {
      title: `${name} can't cook it right now`,
      text: "It may still change its mind; please wait.",
    };
  }
  const isLater = order.ready_at && !order.is_preparation_due;
  if (isLater) {
    const time = clockTime(order.ready_at, order.restaurant?.zone);
    return { title: "Planned", text: `${name} will have it ready at ${time}.` };
  }
  return { title: `Waiting for ${name}`, text: "It has your order, and is about to say yes." };
}

function ended(title, text, { payment, detail }) {
  const isMore = detail && detail !== text && payment !== "DECLINED";
  return { title, text: isMore ? `${text} (${detail})` : text, kind: "bad" };
}

function cancelledBy({ cancelled_by: by, reason }, name) {
  const why = reasonText(reason);
  const who = {
    customer: "You cancelled it.",
    restaurant: `${name} could not take it.`,
    partner: "The shop cancelled it.",
    operator: "Our support cancelled it.",
    tiffin: "",
  }[by ?? ""];
  return by === "customer" ? who : [who, why].filter(Boolean).join(" ");
}

const EVENTS = {
  OrderCreated: "Order placed",
  PaymentDelayed: "The payment takes longer",
  OrderScheduled: "Paid; the restaurant has the order",
  OrderRejected: "The order was not taken",
  OrderRefused: "The restaurant said that it can't cook it",
  RefusalUndone: "The restaurant cooks it after all",
  PreparationStarted: "The kitchen began",
  PreparationFinished: "Ready to be picked up",
  DriverFound: "A driver took it on",
  DriverLost: "The driver had to drop out; we look for another",
  OrderPickedUp: "Picked up by the driver",
  OrderDelivered: "Delivered",
  OrderCancelled: "Cancelled",
  PaymentVoided: "The payment was undone",
  RefundRequested: "Money is on its way back",
  PaymentRefunded: "Money given back",
  RefundRefused: "Giving the money back failed; we look into it",
};
const BAD = new Set(["OrderRejected", "OrderCancelled", "RefundRefused", "OrderRefused"]);
const SLOW = new Set(["PaymentDelayed", "DriverLost"]);

/** [{ text, at, kind }] — kind is "done", "now", "next", "bad" or "slow". */
export function timelineOf({ order, timeline }) {
  const told = timeline.map(({ type, at }) => ({
    text: EVENTS[type] ?? type,
    at,
    kind: BAD.has(type) ? "bad" : SLOW.has(type) ? "slow" : "done",
  }));
  const here = STEPS.findIndex(([status]) => status === order.status);
  const isOver = order.status === "REJECTED" || order.status === "CANCELLED";
  const next = isOver ? [] : STEPS.slice(Math.max(here, 0) + 1);
  if (told.length > 0 && next.length > 0 && told.at(-1).kind === "done") {
    told.at(-1).kind = "now";
  }
  return [...told, ...next.map(([, text]) => ({ text, at: null, kind: "next" }))];
}

/** [{ text, kind }] on where the money is. */
export function moneyTexts({ payment, amount_cents: cents, currency, refunds = [] }) {
  const all = money(cents, currency);
  const texts = refunds.map((refund) => refundText(refund, currency)).filter(Boolean);
  if (payment === "DECLINED") {
    texts.unshift({ text: "Nothing was charged.", kind: "" });
  } else if (payment === "VOIDING") {
    texts.unshift({ text: `Your payment of ${all} is being undone.`, kind: "" });
  } else if (payment === "VOIDED") {
    texts.unshift({ text: "Your payment was undone: nothing is charged.", kind: "good" });
  }
  return texts;
}

function refundText({ amount_cents: cents, status, reason }, currency) {
  const sum = money(cents, currency);
  const isOwn = !reason || ["cancellation", "changed_mind", "delivery_failed"].includes(reason);
  const why = isOwn || reason in REASONS ? "" : ` (${reason.replaceAll("_", " ")})`;
  return {
    OPEN: { text: `${sum} is on its way back to you${why}.`, kind: "" },
    DELAYED: {
      text: `${sum} is coming back to you; it takes longer than usual${why}.`,
      kind: "warn",
    },
    REFUNDED: { text: `${sum} was given back to you${why}.`, kind: "good" },
    REFUSED: { text: `Giving ${sum} back failed; our support looks into it${why}.`, kind: "bad" },
  }[status];
}
