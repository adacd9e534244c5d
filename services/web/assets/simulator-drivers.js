// How many drivers are on duty: said by the sandbox, changed by a number field.
import { get, toast } from "./api.js";
import { put, tellProblem } from "./staff.js";

const PATH = "/api/sandbox/phones/drivers";

const field = document.getElementById("drivers");
const finishing = document.getElementById("drivers-finishing");

// Looks that were begun before the newest change tell an older number.
let changes = 0;
// One change is sent after the other, so that the last one counts.
let sent = Promise.resolve();

/** Asks the sandbox, and shows what it says unless somebody is typing. */
export async function showDrivers() {
  const mine = changes;
  const told = await get(PATH).catch(() => null);
  field.disabled = told === null;
  if (told !== null && mine === changes) show(told);
}

/** Makes the field change the number. */
export function startDrivers() {
  field.addEventListener("change", () => {
    if (!field.reportValidity()) return;
    const wanted = Number(field.value);
    const mine = ++changes;
    sent = sent.then(() => change(wanted, mine));
  });
}

function show(told) {
  field.max = told.count_max;
  if (document.activeElement !== field || field.value === "") field.value = told.count;
  finishing.hidden = told.finishing === 0;
  const who = told.finishing === 1 ? "1 driver finishes" : `${told.finishing} drivers finish`;
  if (!finishing.hidden && finishing.textContent !== who) finishing.textContent = who;
}

async function change(wanted, mine) {
  if (mine !== changes) return;
  try {
    const told = await put(PATH, { count: wanted });
    if (mine !== changes) return;
    show(told);
    toast(wanted === 1 ? "1 driver is on duty." : `${wanted} drivers are on duty.`);
  } catch (problem) {
    tellProblem(problem);
    field.value = "";
    await showDrivers();
  }
}
