// The panel of the simulated outside world: how many orders come, and what goes wrong.
import { el, fill, get, toast } from "./api.js";
import { calm, keep, words } from "./elements.js";
import { WORLD, calmValue } from "./faults.js";
import { showDrivers, startDrivers } from "./simulator-drivers.js";
import { post, put, tellProblem } from "./staff.js";

const PRESETS = [0, 6, 20, 60, 120];
const LOOK_MS = 2000;

const byId = (id) => document.getElementById(id);
const current = new Map();
const inputs = new Map();
const sending = new Map();

/** What a value is called: 30 %, 2.5 s, 3. */
function valueText(fault, value) {
  if (fault.kind === "share") return `${Math.round(value * 100)} %`;
  if (fault.kind === "seconds") return `${value} s`;
  return String(value);
}

/** Sends all faults of a program with this one changed; one request after the other. */
function change(program, name, value) {
  const next = { ...current.get(program), [name]: value };
  current.set(program, next);
  showFaults(program);
  const turn = (sending.get(program) ?? Promise.resolve()).then(async () => {
    if (current.get(program) !== next) return;
    try {
      const answer = await put(`/api/sandbox/${program}/faults`, next);
      if (current.get(program) === next) current.set(program, answer);
    } catch (problem) {
      tellProblem(problem);
      await look(program);
    }
    showFaults(program);
  });
  sending.set(program, turn);
}

async function look(program) {
  const before = current.get(program);
  const answer = await get(`/api/sandbox/${program}/faults`);
  if (current.get(program) === before) current.set(program, answer);
}

function control(program, fault) {
  const id = `${program.name}-${fault.name}`;
  const told = (value) => change(program.name, fault.name, value);
  const hint = fault.hint ? el("span", { class: "hint", id: `${id}-hint` }, fault.hint) : null;
  const described = fault.hint ? `${id}-hint` : null;
  if (fault.kind === "switch") {
    const input = el("input", {
      id,
      type: "checkbox",
      role: "switch",
      "aria-describedby": described,
      onchange: (event) => told(event.currentTarget.checked),
    });
    inputs.set(id, (value) => (input.checked = value));
    return el(
      "div",
      { class: "fault is-switch" },
      el("label", { for: id }, fault.label),
      input,
      hint,
    );
  }
  if (fault.kind === "choice") {
    const options = fault.options.map(([value, label]) => el("option", { value }, label));
    const input = el(
      "select",
      { id, onchange: (event) => told(event.currentTarget.value) },
      ...options,
    );
    inputs.set(id, (value) => (input.value = value));
    return el("div", { class: "fault" }, el("label", { for: id }, fault.label), input);
  }
  return slider(id, fault, told, described, hint);
}

function slider(id, fault, told, described, hint) {
  const [min, max, step] =
    fault.kind === "share" ? [0, 1, 0.05] : [fault.min, fault.max, fault.step ?? 1];
  const output = el("output", { for: id });
  let isHeld = false;
  const say = (value) => {
    output.textContent = valueText(fault, value);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const input = el("input", {
    ...{ id, type: "range", min, max, step, "aria-describedby": described },
    oninput: () => {
      isHeld = true;
      say(Number(input.value));
    },
    onchange: () => {
      isHeld = false;
      told(Number(input.value));
    },
  });
  inputs.set(id, (value) => {
    if (isHeld) return;
    input.max = Math.max(max, value);
    input.value = value;
    say(value);
  });
  return el("div", { class: "fault" }, el("label", { for: id }, fault.label), output, input, hint);
}

function build() {
  const panels = WORLD.map((program) => {
    const state = el("span", { class: "badge", id: `${program.name}-state` });
    const end = el(
      "button",
      {
        type: "button",
        class: "button small",
        id: `${program.name}-end`,
        onclick: () => endFaults([program.name]),
      },
      "End these",
    );
    return el(
      "section",
      { class: "card fault-card", "aria-labelledby": `${program.name}-title` },
      el(
        "div",
        { class: "card-head" },
        el("h2", { id: `${program.name}-title` }, program.title),
        el("span", { class: "row" }, state, end),
      ),
      el("div", { class: "fault-list" }, ...program.faults.map((fault) => control(program, fault))),
    );
  });
  fill(byId("faults"), ...panels);
}

/** Faults that are on; those that say only how long or how often change nothing by themselves. */
function onFaults(program) {
  const faults = current.get(program.name);
  if (!faults) return [];
  const named = program.faults.filter(
    (fault) => faults[fault.name] !== calmValue(fault) && faults[fault.name] !== undefined,
  );
  return [
    ...named.map((fault) => fault.label),
    ...(faults.vanish?.length ? ["vanished phones"] : []),
  ];
}

function showFaults(name) {
  const program = WORLD.find((each) => each.name === name);
  const faults = current.get(name);
  if (!faults) return;
  for (const fault of program.faults)
    inputs.get(`${name}-${fault.name}`)(faults[fault.name] ?? calmValue(fault));
  const on = onFaults(program);
  byId(`${name}-state`).textContent = on.length ? `${on.length} changed` : "all well";
  byId(`${name}-state`).className = `badge ${on.length ? "warn" : "good"}`;
  byId(`${name}-end`).disabled = on.length === 0;
  byId("all-off").disabled = WORLD.every((each) => onFaults(each).length === 0);
}

async function endFaults(names) {
  await Promise.all(
    names.map(async (name) => {
      try {
        current.set(name, await put(`/api/sandbox/${name}/faults`, {}));
      } catch (problem) {
        tellProblem(problem);
      }
      showFaults(name);
    }),
  );
  toast("The faults are ended.");
}

const lookAll = calm(async () => {
  await Promise.all(
    WORLD.map(({ name }) =>
      look(name)
        .then(() => showFaults(name))
        .catch(() => {}),
    ),
  );
  await Promise.all([showPhones(), showDrivers(), lookAtLoad()]);
}, 500);

async function showPhones() {
  const phones = await get("/api/sandbox/phones/phones").catch(() => null);
  if (!phones) return;
  const vanished = current.get("phones")?.vanish ?? [];
  const rows = phones.map((each) => ({
    ...each,
    location: null,
    isVanished: vanished.includes(each.driver_id),
  }));
  const online = phones.filter((each) => each.is_online).length;
  byId("phones-summary").textContent = `${phones.length} drivers, ${online} phones online`;
  keep(byId("phones"), rows, (each) => each.driver_id, phoneRow);
}

function phoneRow(phone) {
  const toggle = (event) => {
    const others = (current.get("phones")?.vanish ?? []).filter((each) => each !== phone.driver_id);
    change("phones", "vanish", event.currentTarget.checked ? [...others, phone.driver_id] : others);
  };
  const label = `${phone.driver_id} has vanished`;
  const vanish = el("input", {
    ...{ type: "checkbox", role: "switch", "data-focus": "vanish", "aria-label": label },
    checked: phone.isVanished,
    onchange: toggle,
  });
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, phone.driver_id),
    el(
      "td",
      {},
      el(
        "span",
        { class: "row" },
        words(phone.status),
        phone.is_going && phone.status !== "going_off_duty"
          ? el("span", { class: "badge warn" }, "then off duty")
          : null,
        phone.is_online ? null : el("span", { class: "badge bad" }, "offline"),
      ),
    ),
    el("td", {}, vanish),
    el("td", { class: "num is-minor" }, phone.deliveries_completed),
    el("td", { class: "num is-minor" }, phone.locations_buffered),
    el("td", { class: "small muted trouble is-minor" }, phone.last_error ?? "–"),
  );
}

let rate = 0;
let isHeld = false;

/** Another viewer may have changed the rate. */
async function lookAtLoad() {
  const load = await get("/api/sandbox/load").catch(() => null);
  if (!load || isHeld) return;
  byId("load-placed").textContent = load.placed ? `${load.placed} placed so far` : "";
  if (load.orders_per_minute === rate) return;
  rate = load.orders_per_minute;
  byId("load").value = rate;
  showRate(rate);
}

function showRate(value) {
  byId("load-shown").textContent = value ? `${value} per minute` : "none";
  byId("load").setAttribute("aria-valuetext", byId("load-shown").textContent);
  byId("load-presets")
    .querySelectorAll("button")
    .forEach((each) => each.setAttribute("aria-pressed", Number(each.dataset.rate) === value));
}

async function setRate(value) {
  isHeld = true;
  byId("load").value = value;
  showRate(value);
  try {
    await post("/api/sandbox/load", { orders_per_minute: value });
    rate = value;
    toast(value ? `${value} random orders come per minute.` : "No random orders come any more.");
  } catch (problem) {
    tellProblem(problem);
    byId("load").value = rate;
    showRate(rate);
  }
  isHeld = false;
}

function buildLoad() {
  const presets = PRESETS.map((value) =>
    el(
      "button",
      { type: "button", "data-rate": value, onclick: () => setRate(value) },
      value ? `${value} / min` : "None",
    ),
  );
  fill(byId("load-presets"), ...presets);
  fill(byId("load-marks"), ...PRESETS.map((value) => el("option", { value })));
  byId("load").addEventListener("input", () => {
    isHeld = true;
    showRate(Number(byId("load").value));
  });
  byId("load").addEventListener("change", () => setRate(Number(byId("load").value)));
  showRate(rate);
}

async function start() {
  const sandbox = await get("/api/sandbox").catch(() => ({ available: false }));
  byId("unavailable").hidden = sandbox.available;
  byId("panels").hidden = !sandbox.available;
  if (!sandbox.available) return;
  build();
  buildLoad();
  startDrivers();
  byId("all-off").addEventListener("click", () => endFaults(WORLD.map((each) => each.name)));
  lookAll();
  setInterval(lookAll, LOOK_MS);
}

start();
