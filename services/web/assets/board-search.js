// The search of the board: results as they are typed, to be walked through with the arrow keys.
import { dateTime, el, explain, fill, get } from "./api.js";
import { pill } from "./elements.js";

const TYPING_MS = 200;

/** Makes the form find orders. */
export function startSearch(form, input, results) {
  let timer = null;
  let asked = 0;

  const hide = () => (results.hidden = true);

  async function find() {
    const wanted = input.value.trim();
    const mine = ++asked;
    if (!wanted) return hide();
    try {
      const found = await get(`/api/board/search?q=${encodeURIComponent(wanted)}`);
      if (mine !== asked) return;
      const rows = Array.isArray(found) ? found : found.items;
      fill(
        results,
        ...(rows.length
          ? rows.map(row)
          : [el("p", { class: "empty" }, "Nothing is known by that name.")]),
      );
    } catch (problem) {
      fill(results, el("p", { class: "notice bad" }, explain(problem)));
    }
    results.hidden = false;
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, TYPING_MS);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await find();
    const links = results.querySelectorAll("a");
    if (links.length === 1) links[0].click();
    else links[0]?.focus();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hide();
      input.focus();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const stops = [input, ...results.querySelectorAll("a")];
    const next =
      stops[stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next && !results.hidden) {
      event.preventDefault();
      next.focus();
    }
  });
  document.addEventListener("click", (event) => form.contains(event.target) || hide());
  input.addEventListener(
    "focus",
    () => input.value.trim() && results.childElementCount && (results.hidden = false),
  );
}

function row(order) {
  const facts = [order.restaurant_id, order.customer, dateTime(order.created_at)];
  return el(
    "a",
    { href: `/board/orders/${encodeURIComponent(order.order_id)}` },
    el("b", {}, `${order.partner} / ${order.reference}`),
    pill(order.status),
    el("span", { class: "muted small" }, facts.filter(Boolean).join(" · ")),
    el("span", { class: "mono muted small" }, order.order_id),
  );
}
