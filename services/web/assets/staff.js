// How the pages of the staff hear of changes, ask for reasons, and tell what went wrong.
import { confirm, el, explain, send, toast } from "./api.js";
import { live } from "./live.js";

export const post = (path, body) => send("POST", path, body);
export const put = (path, body) => send("PUT", path, body);
export const remove = (path) => send("DELETE", path);

/** Shows what went wrong at the foot of the page. */
export function tellProblem(problem) {
  toast(explain(problem), "bad");
}

/**
 * Listens to records of the log; the page's `.live` element shows whether they come.
 * @param wanted what of the log, as the query of /api/stream
 * @param onReset what to do when records may have been missed
 */
export function listen(wanted, onRecord, onReset, { staysOn = false } = {}) {
  const badge = document.getElementById("live");
  const texts = {
    connecting: "Connecting",
    live: "Live",
    lost: "Connection lost, trying again",
    gone: "Not live",
  };
  return live(`/api/stream?${new URLSearchParams(wanted)}`, {
    on: { record: onRecord, message: onRecord, reset: onReset },
    staysOn,
    onState: (state) => {
      badge.dataset.state = state;
      badge.textContent = texts[state];
    },
  });
}

/** A form in a dialog: what its fields hold, or null where the person went back. */
export async function ask({ title, text, yes, danger = false, fields }) {
  const onsubmit = (event) => {
    event.preventDefault();
    event.currentTarget.closest("dialog").querySelector(".actions button:last-child").click();
  };
  const form = el("form", { class: "stack ask-form", onsubmit }, ...fields);
  const isSure = await confirm({ title, text, yes, danger, content: form });
  return isSure ? Object.fromEntries(new FormData(form)) : null;
}

/** A text field with its label. */
export function textField(name, label, value = "", attributes = {}) {
  const input = el("input", {
    id: `ask-${name}`,
    name,
    type: "text",
    maxlength: 200,
    value,
    ...attributes,
  });
  return el("div", { class: "field" }, el("label", { for: `ask-${name}` }, label), input);
}

/** One of several, as radio buttons; the first is chosen. */
export function choices(name, legend, options) {
  return el(
    "fieldset",
    { class: "field" },
    el("legend", {}, legend),
    ...options.map(([value, label], index) =>
      el(
        "label",
        { class: "choice" },
        el("input", { type: "radio", name, value, checked: index === 0 }),
        label,
      ),
    ),
  );
}

/** A reason out of a list and a word about it: {reason, detail}, or null. */
export function askReason(title, text, reasons, yes) {
  const detail = textField("detail", "A word about it (may be empty)", "", { maxlength: 500 });
  return ask({
    title,
    text,
    yes,
    danger: true,
    fields: [choices("reason", "Why?", reasons), detail],
  });
}

/** A field for why; more than blanks is wanted. */
export function reasonField() {
  const wanted = { required: true, pattern: ".*\\S.*", title: "a word at least" };
  return textField("reason", "Why? It stays in the log.", "", wanted);
}

/** A reason in the person's own words, or null. */
export async function askGrounds(title, text, yes, isDangerous = true) {
  const fields = [reasonField()];
  const answer = await ask({ title, text, yes, danger: isDangerous, fields });
  return answer && answer.reason.trim();
}

/** So many minutes, or null. */
export async function askMinutes(title, label, proposed, most) {
  const attributes = {
    ...{ type: "number", min: 1, max: most, step: 1 },
    ...{ required: true, inputmode: "numeric" },
  };
  const answer = await ask({
    title,
    yes: "Set the time",
    fields: [textField("minutes", label, proposed, attributes)],
  });
  return answer && Number(answer.minutes);
}
