/** The checkout: what, where to, when, and one order however often it is sent. */
import { announce, el, explain, fill, money, Problem, send } from "./api.js";
import { addressIn, cart, clearCart, count, keepAddress, keepOrder, lines } from "./cart.js";
import { customer, renewReference } from "./cart.js";
import { refill } from "./elements.js";
import { distanceM } from "./geo.js";
import { createMap } from "./map.js";
import { itemsText, opennessOf, snoozeOf, stepper } from "./shop-parts.js";
import { timeFields } from "./checkout-time.js";

const FAR_M = 12_000;
const TOKENS = [
  ["", "Pays without trouble"],
  ["tok_declined", "Card is declined"],
  ["tok_slow", "Payment takes two seconds longer"],
  ["tok_timeout_once", "Payment's first answer is lost"],
  ["tok_error_once", "Payment fails at first"],
  ["tok_refund_refused", "A refund is refused at first"],
];

/** { element, title, update(), renew(restaurant), leave() }; no restaurant: an empty cart. */
export function checkoutView(restaurant) {
  return restaurant && count() > 0 ? new Checkout(restaurant) : emptyView();
}

function emptyView() {
  const link = el("a", { class: "button primary", href: "#/" }, "See the restaurants");
  const text = el("p", { class: "muted" }, "Your cart is empty.");
  const element = el("div", { class: "stack" }, el("h1", {}, "Checkout"), text, el("p", {}, link));
  return { element, title: "Checkout" };
}

class Checkout {
  title = "Checkout";
  isSending = false;

  constructor(restaurant) {
    this.restaurant = restaurant;
    this.destination = addressIn(restaurant.region) ?? nearby(restaurant.location);
    this.list = el("div");
    this.pay = el("div");
    this.notice = el("div", { class: "stack" });
    this.problem = el("div", { tabindex: -1 });
    this.times = timeFields(restaurant);
    this.code = el("input", { type: "checkbox", id: "code" });
    this.token = el(
      "select",
      { id: "token" },
      TOKENS.map(([token, text]) => el("option", { value: token }, text)),
    );
    this.element = this.build();
    this.update();
  }

  build() {
    const { restaurant_id: id, name } = this.restaurant;
    const section = (title, ...content) =>
      el("section", { class: "card" }, el("h2", {}, title), ...content);
    const form = el(
      "form",
      { class: "checkout", novalidate: true, onsubmit: (event) => this.submit(event) },
      el(
        "div",
        { class: "stack" },
        section("Where to?", this.address()),
        section("When?", this.times.element),
        section("At the door", this.codeField()),
        this.testOptions(),
      ),
      el(
        "section",
        { class: "card checkout-pay" },
        el("h2", {}, "Your order"),
        this.list,
        this.pay,
      ),
    );
    return el(
      "div",
      { class: "stack" },
      el("a", { class: "back", href: `#/${encodeURIComponent(id)}` }, `← ${name}`),
      el("h1", {}, "Checkout"),
      this.notice,
      form,
    );
  }

  address() {
    const holder = el("div");
    const told = el("p", { role: "status" });
    const hint = "Click the map or drag the pin. With the keyboard: arrow keys, Shift for more.";
    const field = (axis, label) =>
      el(
        "div",
        { class: "field" },
        el("label", { for: axis }, label),
        el("input", {
          type: "number",
          id: axis,
          step: "any",
          onchange: (event) => this.typed(axis, event.target),
        }),
      );
    const typed = el(
      "details",
      {},
      el("summary", {}, "Type the coordinates instead"),
      el(
        "div",
        { class: "coordinates" },
        field("latitude", "Latitude"),
        field("longitude", "Longitude"),
      ),
    );
    this.fields = typed;
    this.told = told;
    this.map = createMap(holder, {
      label: "Map to choose the address with the arrow keys",
      describedBy: "map-hint",
      pick: {
        location: this.destination,
        kind: "door",
        onMove: (to, isDone) => this.move(to, isDone),
      },
    });
    const { name, location } = this.restaurant;
    this.map.show({
      places: [{ id: "restaurant", kind: "restaurant", location, label: name }],
      lines: [{ from: "restaurant", to: "pick", kind: "way" }],
    });
    this.map.fit();
    this.tell();
    return el(
      "div",
      { class: "stack" },
      el("p", { class: "hint", id: "map-hint" }, hint),
      holder,
      told,
      typed,
    );
  }

  move(destination, isDone) {
    this.destination = destination;
    if (isDone) {
      keepAddress(this.restaurant.region, destination);
      this.tell();
    }
  }

  typed(axis, input) {
    const limit = axis === "latitude" ? 85 : 180;
    const value = Number(input.value);
    const isRight = input.value.trim() !== "" && Math.abs(value) <= limit;
    input.setAttribute("aria-invalid", String(!isRight));
    if (isRight) {
      const destination = { ...this.destination, [axis]: value };
      this.map.pickAt(destination);
      this.map.fit();
      this.move(destination, true);
    }
  }

  tell() {
    const metres = distanceM(this.restaurant.location, this.destination);
    const far = metres > FAR_M ? " That is far: a driver may not be found." : "";
    const length =
      metres < 950 ? `${Math.round(metres / 10) * 10} m` : `${(metres / 1000).toFixed(1)} km`;
    this.told.textContent = `Your door is ${length} from ${this.restaurant.name}.${far}`;
    this.told.className = far ? "notice warn" : "";
    for (const axis of ["latitude", "longitude"]) {
      this.fields.querySelector(`#${axis}`).value = this.destination[axis];
    }
  }

  codeField() {
    return el(
      "div",
      {},
      el("label", { class: "choice", for: "code" }, this.code, "Hand it over only with a code"),
      el(
        "p",
        { class: "hint" },
        "You see the code while you wait, and tell it to the driver at your door.",
      ),
    );
  }

  testOptions() {
    return el(
      "details",
      { class: "card" },
      el("summary", {}, "Test options"),
      el(
        "div",
        { class: "field", style: "margin-top:.7rem" },
        el("label", { for: "token" }, "What the payment does"),
        this.token,
        el("p", { class: "hint" }, "For trying things out: no real money is moved here."),
      ),
    );
  }

  renew(restaurant) {
    this.restaurant = restaurant ?? this.restaurant;
    this.times.renew(this.restaurant);
    this.update();
  }

  update() {
    if (count() === 0 && !this.isSending) {
      refill(this.list, el("p", { class: "muted" }, "Your cart is empty."));
      refill(this.pay, el("a", { class: "button", href: "#/" }, "See the restaurants"));
      return;
    }
    if (this.isSending) {
      return;
    }
    const openness = opennessOf(this.restaurant);
    const isClosed = !openness.now;
    refill(
      this.notice,
      openness.text ? el("p", { class: `notice ${isClosed ? "warn" : ""}` }, openness.text) : null,
    );
    const found = lines(this.restaurant);
    refill(
      this.list,
      found.map((line) => this.line(line)),
    );
    refill(this.pay, this.total(found));
  }

  line({ name, quantity, item, cents }) {
    const isOut = item === null || snoozeOf(this.restaurant, name) !== null;
    const currency = this.restaurant.currency ?? "USD";
    const gone =
      item === null ? "No longer on the menu: please remove it." : "Sold out: please remove it.";
    return el(
      "div",
      { class: "checkout-line" },
      el("strong", {}, name),
      el("span", { class: "num" }, money(cents, currency)),
      stepper(this.restaurant.restaurant_id, name, quantity, isOut),
      el(
        "span",
        { class: "num muted small" },
        item ? `${money(item.price_cents, currency)} each` : "",
      ),
      isOut ? el("p", { class: "hint" }, el("span", { class: "badge bad" }, gone)) : null,
    );
  }

  total(found) {
    const cents = found.reduce((sum, line) => sum + line.cents, 0);
    const price = money(cents, this.restaurant.currency ?? "USD");
    this.button = el(
      "button",
      { class: "button primary", type: "submit", "data-focus": "pay" },
      `Order and pay ${price}`,
    );
    return [
      el(
        "p",
        { class: "spread total", style: "border:0" },
        itemsText(count()),
        el("strong", {}, price),
      ),
      this.problem,
      this.button,
      el(
        "p",
        { class: "hint", style: "margin-top:.6rem" },
        "Paid with your test card. Nothing is charged where the restaurant does not take orders.",
      ),
    ];
  }

  async submit(event) {
    event.preventDefault();
    if (this.isSending) {
      return;
    }
    const wrong = this.wrong();
    if (wrong) {
      this.fail(wrong);
      this.element.querySelector("[aria-invalid=true]")?.focus();
      return;
    }
    this.setSending(true);
    const { name } = this.restaurant;
    try {
      const placed = await send("POST", "/api/shop/orders", this.order());
      keepOrder({ url: placed.track_url, restaurant: name, at: new Date().toISOString() });
      clearCart();
      location.assign(placed.track_url);
    } catch (error) {
      this.setSending(false);
      this.explain(error);
    }
  }

  /** What the person has to put right first, or null. */
  wrong() {
    const out = lines(this.restaurant).filter(
      ({ name, item }) => item === null || snoozeOf(this.restaurant, name),
    );
    if (out.length > 0) {
      return `Please remove what is sold out: ${out.map((line) => line.name).join(", ")}.`;
    }
    return this.times.wrong();
  }

  order() {
    const { restaurant_id, quantities, reference } = cart();
    const order = {
      restaurant_id,
      items: Object.entries(quantities).map(([name, quantity]) => ({ name, quantity })),
      destination: this.destination,
      requires_code: this.code.checked,
      client_reference: reference,
      customer: customer(),
    };
    const readyAt = this.times.readyAt();
    return {
      ...order,
      ...(readyAt ? { ready_at: readyAt } : {}),
      ...(this.token.value ? { payment_token: this.token.value } : {}),
    };
  }

  setSending(isSending) {
    this.isSending = isSending;
    this.button.setAttribute("aria-disabled", String(isSending));
    if (isSending) {
      fill(this.problem);
      this.button.dataset.text = this.button.textContent;
      this.button.textContent = "Placing your order …";
      announce("Placing your order");
    } else {
      this.button.textContent = this.button.dataset.text;
    }
  }

  explain(error) {
    if (!(error instanceof Problem)) {
      throw error;
    }
    if (error.status === 409) {
      this.fail(`An order from this cart was placed before with other content. ${error.detail}`);
      const again = () => {
        renewReference();
        fill(this.problem);
        this.button.focus();
      };
      const text = "Make this a new order";
      this.problem.firstChild.append(
        el("p", {}, el("button", { class: "button small", type: "button", onclick: again }, text)),
      );
      return;
    }
    if (error.status === 0 || error.status >= 500) {
      this.fail(
        "Your order could not be placed just now. Press the button again: it stays one order.",
      );
    } else {
      this.fail(explain(error), error.errors);
    }
  }

  fail(text, errors = []) {
    const told = errors.map((each) => each.problem ?? each.msg ?? each.detail).filter(Boolean);
    const list =
      told.length > 1
        ? el(
            "ul",
            {},
            told.map((each) => el("li", {}, each)),
          )
        : null;
    fill(this.problem, el("div", { class: "notice bad", role: "alert" }, el("p", {}, text), list));
    this.problem.scrollIntoView({ block: "center" });
    this.problem.focus({ preventScroll: true });
  }

  leave() {
    this.map.remove();
  }
}

/** Where the pin is at first: some streets away. */
function nearby({ latitude, longitude }) {
  return { latitude: latitude + 0.0062, longitude: longitude + 0.0095 };
}
