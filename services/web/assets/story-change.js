// What a record of an order's story has changed: in a line, and field by field.
import { el } from "./api.js";
import { words } from "./elements.js";

// What a line says of a change; the table tells all of it.
const TOLD_CHANGES = ["status", "request", "admission", "payment"];

/** What a record says in a line: what it changed, or why it was refused. */
export function changeGist(record) {
  const said = record.content ?? {};
  const changed = Object.entries(record.after ?? {}).filter(
    ([, value]) => value === null || typeof value !== "object",
  );
  const parts = changed
    .filter(([name]) => TOLD_CHANGES.includes(name))
    .map(([name, after]) => {
      const before = record.before?.[name];
      return `${before ? `${words(before)} → ` : ""}${words(after)}`;
    });
  const reason = said.reason ?? said.flag;
  if (reason) parts.push(words(reason));
  if (said.detail) parts.push(said.detail);
  if (!parts.length && said.driver_id) parts.push(said.driver_id);
  return parts.length ? el("span", { class: "record-gist" }, parts.join(" · ")) : null;
}

export function changeTable(record) {
  const names = Object.keys(record.after ?? {});
  if (!names.length) return null;
  const cell = (value) =>
    value === undefined || value === null
      ? "–"
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
  const rows = names.map((name) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", { class: "was" }, cell(record.before?.[name])),
      el("td", { class: "is" }, cell(record.after[name])),
    ),
  );
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, "Changed"),
    el("th", { scope: "col" }, "Before"),
    el("th", { scope: "col" }, "After"),
  );
  return el(
    "div",
    { class: "table-wrap" },
    el("table", { class: "changes" }, el("thead", {}, head), el("tbody", {}, ...rows)),
  );
}
