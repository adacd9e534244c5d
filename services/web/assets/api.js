/**
 * Calls of the pages, and the little DOM and wording they share.
 *
 *   const restaurants = await get("/api/shop/restaurants");
 *   await send("POST", "/api/shop/orders", body, { "Idempotency-Key": key });
 *   try { … } catch (error) { toast(explain(error), "bad"); }  // .status .detail .errors
 *   el("button", { type: "button", onclick: act, "aria-pressed": false }, "Text", child)
 *   fill(parent, ...children)   announce("3 found")   await confirm({ title, text, yes, no })
 *   money(1250, "USD")   time(iso, zone)   dateTime(iso, zone)   ago(iso)   duration(seconds)
 */
const WAIT_MS_MAX = 20_000;

/** An answer that says what is wrong (RFC 9457), or that there is no answer: status 0. */
export class Problem extends Error {
  constructor(status, detail, errors = [], retryAfterSeconds = null) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const get = (path, options) => send("GET", path, undefined, {}, options);

/** The decoded answer; null where it is empty. Throws a Problem. */
export async function send(method, path, body, headers = {}, options = {}) {
  const hasBody = body !== undefined;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: {
        Accept: "application/json",
        ...(hasBody ? { "Content-Type": "application/json" } : {}),
        ...headers,
      },
      body: hasBody ? JSON.stringify(body) : undefined,
      cache: "no-store",
      signal: AbortSignal.timeout(options.waitMs ?? WAIT_MS_MAX),
    });
  } catch (error) {
    const isLate = error.name === "TimeoutError";
    throw new Problem(0, isLate ? "There was no answer in time." : "The server can't be reached.");
  }
  const text = await answer.text();
  const content = decode(text);
  if (!answer.ok) {
    throw problemOf(answer, content);
  }
  return content;
}

function decode(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function problemOf(answer, content) {
  // FastAPI's own refusals carry a list as `detail`, ours a sentence and `errors`.
  const isList = Array.isArray(content?.detail);
  const errors = isList ? content.detail : (content?.errors ?? []);
  const detail = isList ? "Something in the request is not right." : content?.detail;
  const again = Number(answer.headers.get("Retry-After"));
  return new Problem(
    answer.status,
    detail || answer.statusText || `The server answered ${answer.status}.`,
    errors,
    Number.isFinite(again) && again > 0 ? again : null,
  );
}

/** A sentence for people about what went wrong. */
export function explain(error) {
  if (!(error instanceof Problem)) {
    return "Something went wrong on this page.";
  }
  if (error.status === 429) {
    return `Too many requests at once. ${error.detail}`;
  }
  if (error.status === 503) {
    return `The service is not available; please try again in a moment. (${error.detail})`;
  }
  return error.detail;
}

/** An element; attributes named on… are listeners, true is an empty one, false and null none. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (key.startsWith("aria-") && value !== null && value !== undefined) {
      element.setAttribute(key, String(value));
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
  element.append(...present(children));
  return element;
}

/** Puts the children in place of what is there; false and null are left out. */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
  return parent;
}

function present(children) {
  return children.flat().filter((each) => each !== null && each !== undefined && each !== false);
}

/** SVG source of our own as an element. Never give it text from outside. */
export function drawing(source) {
  const holder = document.createElement("template");
  holder.innerHTML = source;
  return holder.content.firstElementChild;
}

function region(id, attributes) {
  let found = document.getElementById(id);
  if (found === null) {
    found = el("div", { id, ...attributes });
    document.body.append(found);
  }
  return found;
}

/** Says something to those who listen to the page. */
export function announce(text) {
  const place = region("announcements", { class: "hidden-text", "aria-live": "polite" });
  place.textContent = "";
  setTimeout(() => (place.textContent = text), 50);
}

/** A short message at the foot of the page; kind is "" or "bad". */
export function toast(text, kind = "") {
  const place = region("toasts", { class: "toasts", "aria-live": "polite", role: "status" });
  const message = el("p", { class: kind }, text);
  place.append(message);
  setTimeout(() => message.remove(), kind === "bad" ? 9000 : 5000);
}

/**
 * True when the person says yes. A field of the dialog can be passed as `content`; a form in it has
 * to be filled in as its fields want it.
 */
export function confirm({ title, text, yes = "Yes", no = "Back", danger = false, content = null }) {
  const isFilled = () => !(content instanceof HTMLFormElement) || content.reportValidity();
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const dialog = el(
      "dialog",
      { class: "dialog", "aria-labelledby": "confirm-title", oncancel: () => close(false) },
      el("h2", { id: "confirm-title" }, title),
      text ? el("p", { class: "muted", style: "margin-top:.5rem" }, text) : null,
      content,
      el(
        "div",
        { class: "actions" },
        el("button", { class: "button", type: "button", onclick: () => close(false) }, no),
        el(
          "button",
          {
            class: `button ${danger ? "danger" : "primary"}`,
            type: "button",
            onclick: () => isFilled() && close(true),
          },
          yes,
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function money(cents, currency = "USD") {
  const style = { style: "currency", currency };
  const digits = new Intl.NumberFormat(undefined, style).resolvedOptions().maximumFractionDigits;
  return new Intl.NumberFormat(undefined, style).format(cents / 10 ** digits);
}

export function time(iso, zone) {
  return format(iso, { hour: "2-digit", minute: "2-digit" }, zone);
}

export function timeWithSeconds(iso, zone) {
  return format(iso, { hour: "2-digit", minute: "2-digit", second: "2-digit" }, zone);
}

export function dateTime(iso, zone) {
  const day = { weekday: "short", day: "numeric", month: "short" };
  return format(iso, { ...day, hour: "2-digit", minute: "2-digit" }, zone);
}

function format(iso, options, zone) {
  if (!iso) {
    return "";
  }
  try {
    return new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone ?? undefined }).format(
      new Date(iso),
    );
  } catch {
    return new Intl.DateTimeFormat(undefined, options).format(new Date(iso));
  }
}

/** "just now", "40 s ago", "3 min ago", "2 h ago", or the day. */
export function ago(iso) {
  const seconds = Math.round((Date.now() - new Date(iso)) / 1000);
  if (seconds < 3) {
    return "just now";
  }
  return seconds < 86_400 ? `${duration(seconds)} ago` : dateTime(iso);
}

/** "40 s", "3 min", "2 h 5 min" */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) {
    return `${whole} s`;
  }
  const minutes = Math.round(whole / 60);
  if (minutes < 90) {
    return `${minutes} min`;
  }
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}
