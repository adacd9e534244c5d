// Dead letters: what a service could not take, why, and that it be taken after all.
import { confirm, dateTime, el, send, toast } from "./api.js";
import { keep } from "./elements.js";
import { askGrounds, tellProblem } from "./staff.js";

/** Shows the letters; those that were replayed or discarded only where the box asks for them. */
export function showLetters(letters, reload) {
  const open = letters.filter((each) => each.is_open);
  const shown = document.getElementById("letters-all").checked ? letters : open;
  const count = document.getElementById("letters-count");
  count.textContent = open.length;
  count.className = `badge ${open.length ? "bad" : "good"}`;
  document.getElementById("letters-empty").hidden = shown.length > 0;
  keep(
    document.getElementById("letters"),
    shown,
    (each) => `${each.service}/${each.id}`,
    (each) => letterRow(each, reload),
  );
}

function letterRow(letter, reload) {
  const { source_topic: topic, source_partition: partition, source_offset: offset } = letter;
  const place = `${topic} · partition ${partition} · offset ${offset}`;
  const replayIt = (event) => replay(event, letter, reload);
  return el(
    "article",
    { class: "letter" },
    el(
      "div",
      { class: "letter-facts" },
      el(
        "p",
        { class: "row" },
        el("b", {}, letter.service),
        el("span", { class: "muted small" }, dateTime(letter.put_aside_at)),
      ),
      el("p", {}, letter.reason),
      el("p", { class: "muted small" }, place, letter.key ? ` · key ${letter.key}` : ""),
      ...letter.resolutions.map(resolution),
      el(
        "details",
        { "data-focus": "record" },
        el("summary", { class: "small" }, "The record"),
        el("pre", { class: "json", tabindex: "0" }, pretty(letter.value)),
      ),
    ),
    letter.is_open
      ? el(
          "div",
          { class: "row" },
          button("Replay…", "replay", replayIt),
          button("Discard…", "discard", (event) => discard(event, letter, reload)),
        )
      : null,
  );
}

function resolution({ action, by, note, occurred_at: at }) {
  return el(
    "p",
    { class: "row small" },
    el("span", { class: "badge good" }, action),
    `by ${by}, ${dateTime(at)}`,
    note ? ` – ${note}` : "",
  );
}

function pretty(text) {
  if (text === null || text === undefined)
    return "It is no text; `tiffin dead-letters show` has its bytes.";
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function button(text, focus, onclick) {
  const attributes = { type: "button", class: "button small", "data-focus": focus, onclick };
  return el("button", attributes, text);
}

async function replay(event, letter, reload) {
  const pressed = event.currentTarget;
  const text =
    "The record is checked as the service would check it, and goes to it again. " +
    "A command counts once, however often.";
  if (!(await confirm({ title: "Replay the record?", text, yes: "Replay" }))) return;
  await tell(pressed, letter, "replay", undefined, "The record was replayed.", reload);
}

async function discard(event, letter, reload) {
  const pressed = event.currentTarget;
  const text = "It counts as seen to, and its service never takes it.";
  const note = await askGrounds("Discard the record?", text, "Discard");
  if (!note) return;
  await tell(pressed, letter, "discard", { note }, "The record was discarded.", reload);
}

/** Has the front do something with a letter; the button rests meanwhile. */
async function tell(pressed, letter, what, body, done, reload) {
  pressed.disabled = true;
  const [service, id] = [letter.service, letter.id].map(encodeURIComponent);
  const path = `/api/board/dead-letters/${service}/${id}`;
  try {
    await send("POST", `${path}/${what}`, body);
    toast(done);
  } catch (problem) {
    pressed.disabled = false;
    tellProblem(problem);
  }
  setTimeout(reload, 400);
}
