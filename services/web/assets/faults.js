// The faults of the simulated outside world as controls; services/sandbox/faults.py names them.

const SECONDS = { kind: "seconds", min: 0, max: 60, step: 0.5 };

const SERVER = [
  { name: "down", kind: "switch", label: "Is down", hint: "Every call is answered 503." },
  { name: "delay_seconds", ...SECONDS, max: 30, label: "Answers late by" },
  {
    name: "error_share",
    kind: "share",
    label: "Fails before the work",
    hint: "Answers 503, and has done nothing.",
  },
  {
    name: "timeout_share",
    kind: "share",
    label: "Hangs after the work",
    hint: "Has done it, but does not say so in time.",
  },
  { name: "timeout_seconds", ...SECONDS, max: 120, step: 1, label: "Hangs for", initial: 30 },
];

const REFUSALS = [
  ["closed", "Closed"],
  ["too_busy", "Too busy"],
  ["item_unavailable", "Item sold out"],
  ["price_mismatch", "Price is wrong"],
  ["other", "Other"],
];

/** What can go wrong, by the program of the sandbox; each fault as its control. */
export const WORLD = [
  {
    name: "payments",
    title: "Payment provider",
    faults: [
      ...SERVER,
      { name: "decline_share", kind: "share", label: "Declines charges" },
      {
        name: "refund_refuse_share",
        kind: "share",
        label: "Refuses refunds",
        hint: "An operator has to try them again.",
      },
    ],
  },
  {
    name: "pos",
    title: "Restaurants' point of sale",
    faults: [
      ...SERVER,
      { name: "refuse_share", kind: "share", label: "Refuses orders at once" },
      {
        name: "refuse_reason",
        kind: "choice",
        label: "and says",
        options: REFUSALS,
        initial: "too_busy",
      },
      {
        name: "ask_share",
        kind: "share",
        label: "Asks somebody first",
        hint: "The order waits for an answer.",
      },
      { name: "refuse_later_share", kind: "share", label: "Refuses after a while" },
      { name: "undo_share", kind: "share", label: "Takes such refusals back" },
      { name: "ready_change_share", kind: "share", label: "Is ready later than it said" },
      { name: "accept_delay_seconds", ...SECONDS, label: "Thinks for", initial: 1 },
      {
        name: "callback_copies",
        kind: "count",
        min: 0,
        max: 10,
        label: "Tells each step so often",
        initial: 1,
        hint: "0: it never tells.",
      },
      { name: "callback_delay_seconds", ...SECONDS, label: "Tells it late by" },
    ],
  },
  {
    name: "phones",
    title: "Drivers, phones and customers",
    faults: [
      {
        name: "pause_all",
        kind: "switch",
        label: "All drivers stand still",
        hint: "Their phones say nothing.",
      },
      { name: "duplicate_locations", kind: "switch", label: "Phones send each place twice" },
      { name: "network_loss_share", kind: "share", label: "Phones lose the network" },
      {
        name: "offline_seconds",
        ...SECONDS,
        max: 300,
        step: 1,
        label: "and are offline for",
        initial: 10,
      },
      { name: "reject_share", kind: "share", label: "Drivers reject offers" },
      { name: "ignore_offers_share", kind: "share", label: "Drivers ignore offers" },
      { name: "give_up_share", kind: "share", label: "Drivers give up before the pickup" },
      { name: "unreachable_share", kind: "share", label: "Customers are not at the door" },
      { name: "wrong_code_share", kind: "share", label: "Customers name wrong codes" },
      { name: "wrong_codes", kind: "count", min: 1, max: 20, label: "so many of them", initial: 1 },
    ],
  },
];

/** What a fault is when it is off. */
export function calmValue(fault) {
  return fault.initial ?? (fault.kind === "switch" ? false : 0);
}
