// Orders and deliveries that an operator is to look at, and what the operator can do about them.
import { confirm, el, toast } from "./api.js";
import { clock, keep, pill, since, words } from "./elements.js";
import { ask, askGrounds, post, reasonField, tellProblem } from "./staff.js";

const ENDED = ["DELIVERED", "REJECTED", "CANCELLED", "RETURNED", "WRITTEN_OFF"];
// When the delivery service takes which command; it refuses it at any other time.
const DRIVEN = ["DRIVER_ASSIGNED", "PICKED_UP"];
const COMING_BACK = ["RETURNING", "CANCELLING"];

/** Shows the flagged ones; returns how many there are. */
export function stuckRows(place, answer, reload) {
  const rows = Array.isArray(answer)
    ? answer
    : [...(answer.orders ?? []), ...(answer.deliveries ?? [])];
  keep(
    place,
    rows,
    (each) => (isDelivery(each) ? `delivery ${each.delivery_id}` : each.order_id),
    (each) => stuckRow(each, reload),
  );
  return rows.length;
}

/** An order has a `delivery_id` too, but only a delivery has a place to be picked up at. */
const isDelivery = (each) => each.pickup !== undefined;

function stuckRow(each, reload) {
  const kind = isDelivery(each) ? "Delivery" : "Order";
  const at = each.status_since ?? each.changed_at ?? each.created_at;
  const told = [
    each.reason,
    each.driver_id && `driver ${each.driver_id}`,
    each.restaurant?.restaurant_id,
  ].filter(Boolean);
  return el(
    "article",
    { class: "stuck", "aria-label": `${kind} ${each.order_id}` },
    el(
      "div",
      { class: "stuck-facts" },
      el(
        "p",
        { class: "row" },
        el("b", {}, kind),
        el(
          "a",
          { class: "mono", href: `/board/orders/${each.order_id}` },
          each.order_id.slice(0, 8),
        ),
        pill(each.status),
      ),
      el(
        "p",
        { class: "row" },
        ...(each.flags ?? []).map((flag) => el("span", { class: "badge bad" }, words(flag))),
      ),
      el(
        "p",
        { class: "muted small" },
        at ? [since(at, "for"), ` (${clock(at)})`] : "",
        ...told.map((text) => ` · ${text}`),
      ),
    ),
    el(
      "div",
      { class: "row stuck-actions" },
      ...(isDelivery(each) ? deliveryActions(each, reload) : orderActions(each, reload)),
    ),
  );
}

function action(text, work, reload, focus, isDangerous = false) {
  const onclick = async (event) => {
    const pressed = event.currentTarget;
    try {
      const done = await work();
      if (!done) return;
      pressed.disabled = true;
      toast(done);
    } catch (problem) {
      tellProblem(problem);
    }
    setTimeout(reload, 400);
  };
  return el(
    "button",
    {
      type: "button",
      class: `button small ${isDangerous ? "danger" : ""}`,
      "data-focus": focus,
      onclick,
    },
    text,
  );
}

/** The buttons of what an operator can do about an order now. */
export function orderActions(order, reload) {
  const path = `/api/order/orders/${encodeURIComponent(order.order_id)}`;
  const buttons = (order.refunds ?? [])
    .filter((refund) => refund.status === "REFUSED")
    .map((refund) =>
      action(
        `Try refund “${refund.name}” again`,
        () => retryRefund(path, refund),
        reload,
        `retry ${refund.name}`,
      ),
    );
  if (!ENDED.includes(order.status)) {
    buttons.push(action("Cancel the order…", () => cancelOrder(path), reload, "cancel", true));
  }
  return buttons;
}

async function retryRefund(path, refund) {
  await post(`${path}/refunds/${encodeURIComponent(refund.name)}/retry`);
  return `The refund “${refund.name}” is tried again.`;
}

async function cancelOrder(path) {
  const text = "The order ends, and what was paid is given back.";
  const reason = await askGrounds("Cancel the order?", text, "Cancel the order");
  if (!reason) return null;
  await post(`${path}/cancel`, { by: "operator", reason });
  return "The order is being cancelled.";
}

/** The buttons of what an operator can do about a delivery now. */
export function deliveryActions(delivery, reload) {
  const path = `/api/delivery/deliveries/${encodeURIComponent(delivery.delivery_id)}`;
  const buttons = [];
  const isDriven = DRIVEN.includes(delivery.status);
  if (isDriven && delivery.driver_id) {
    buttons.push(action("Reassign…", () => reassign(path, delivery), reload, "reassign"));
  }
  if (isDriven && delivery.requires_code) {
    buttons.push(action("Waive the code…", () => waiveCode(path), reload, "waive"));
  }
  if (COMING_BACK.includes(delivery.status)) {
    buttons.push(action("Write off…", () => writeOff(path), reload, "write-off", true));
  }
  return buttons;
}

async function reassign(path, delivery) {
  const answer = await ask({
    title: `Take the delivery from ${delivery.driver_id}?`,
    text: "Another driver is sought. Goods on board are fetched where the driver was last seen.",
    yes: "Reassign",
    danger: true,
    fields: [reasonField()],
  });
  if (!answer) return null;
  await post(`${path}/reassign`, {
    driver_id: delivery.driver_id,
    reason: answer.reason.trim(),
  });
  return "Another driver is sought.";
}

async function waiveCode(path) {
  const text = "The goods can be handed over to whoever is at the door.";
  const reason = await askGrounds("Waive the code?", text, "Waive the code", false);
  if (!reason) return null;
  await post(`${path}/waive-code`, { reason });
  return "No code is asked for any more.";
}

async function writeOff(path) {
  const text = "Nobody waits for the goods any more. This can't be undone.";
  const reason = await askGrounds("Write the goods off?", text, "Write off");
  if (!reason) return null;
  const isSure = await confirm({
    title: "Really write off?",
    text: reason,
    yes: "Write off",
    danger: true,
  });
  if (!isSure) return null;
  await post(`${path}/write-off`, { reason });
  return "The goods are written off.";
}
