// A call to the outside world in an order's story: each request and its response.
import { el } from "./api.js";
import { words } from "./elements.js";

const TONES = { answered: "good", unanswered: "warn", failed: "bad", dropped: "idle" };

/** A call in a line: how it ended, and what each exchange was answered. */
export function callGist(call) {
  const exchanges = call.exchanges ?? [];
  const told = exchanges.map((each) => `${each.method} ${each.status ?? "no answer"}`);
  const parts = [told.join(", "), duration(call.duration_ms), call.command_type ?? call.error];
  return el(
    "span",
    { class: "record-gist" },
    el("span", { class: `badge ${TONES[call.outcome] ?? "idle"}` }, words(call.outcome)),
    ` ${parts.filter(Boolean).join(" · ")}`,
  );
}

/** All that was said, oldest first; requests and responses can be opened and closed. */
export function exchangeList(call) {
  const exchanges = call.exchanges ?? [];
  return el(
    "div",
    { class: "exchanges" },
    el("p", { class: "small" }, `To the ${call.target}`, call.error ? ` – ${call.error}` : ""),
    exchanges.length ? null : el("p", { class: "muted small" }, "No request was made."),
    ...exchanges.map(exchangeBox),
  );
}

function exchangeBox(exchange) {
  return el(
    "section",
    { class: "exchange", "aria-label": `${exchange.method} ${exchange.url}` },
    el(
      "p",
      { class: "exchange-line" },
      el("b", {}, exchange.method),
      ` ${exchange.url} → `,
      el("b", {}, exchange.status ?? "no answer"),
      el("span", { class: "muted" }, ` in ${duration(exchange.duration_ms)}`),
    ),
    exchange.error ? el("p", { class: "small" }, exchange.error) : null,
    textBox("Request", exchange.request, exchange.is_request_cut),
    textBox("Response", exchange.response, exchange.is_response_cut),
  );
}

function textBox(label, text, isCut) {
  if (text === null || text === undefined) {
    return el("p", { class: "muted small" }, `${label}: no content`);
  }
  return el(
    "details",
    { open: true },
    el("summary", { class: "small" }, label, isCut ? " (cut)" : ""),
    el("pre", { class: "json", tabindex: "0" }, pretty(text)),
  );
}

/** JSON with line breaks; what is none, or was cut, as it is. */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
