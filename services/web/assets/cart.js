/**
 * The cart, the address and the orders that this browser remembers, and what it is known by.
 *
 * One cart is of one restaurant. Its `reference` is made once: however often a checkout is sent, it
 * is one order. Other tabs follow by the storage event.
 */
const CART = "tiffin-cart";
const ADDRESSES = "tiffin-addresses";
const ORDERS = "tiffin-orders";
const CUSTOMER = "tiffin-customer";
const ORDERS_MAX = 6;
export const QUANTITY_MAX = 50;

const listeners = new Set();

export function onCartChange(listener) {
  listeners.add(listener);
}

addEventListener("storage", (event) => {
  if (event.key === CART || event.key === null) {
    tell();
  }
});

/** { restaurant_id, quantities: { item name: quantity }, reference } */
export function cart() {
  const found = read(CART);
  const isCart = typeof found?.quantities === "object" && found.quantities !== null;
  return isCart ? found : { restaurant_id: null, quantities: {}, reference: null };
}

export function quantityOf(restaurantId, name) {
  const { restaurant_id, quantities } = cart();
  return restaurant_id === restaurantId ? (quantities[name] ?? 0) : 0;
}

/** True where the cart holds things of another restaurant. */
export function isOfAnother(restaurantId) {
  const { restaurant_id, quantities } = cart();
  return restaurant_id !== restaurantId && Object.keys(quantities).length > 0;
}

/** Sets how many of an item are wanted; a cart of another restaurant is begun anew. */
export function setQuantity(restaurantId, name, quantity) {
  const known = cart();
  const isSame = known.restaurant_id === restaurantId;
  const quantities = isSame ? { ...known.quantities } : {};
  const wanted = Math.min(Math.max(Math.round(quantity), 0), QUANTITY_MAX);
  if (wanted > 0) {
    quantities[name] = wanted;
  } else {
    delete quantities[name];
  }
  const reference = (isSame && known.reference) || newReference();
  save(CART, { restaurant_id: restaurantId, quantities, reference });
  tell();
}

/** Puts the items of an order into a new cart. */
export function refillCart(restaurantId, items) {
  const quantities = Object.fromEntries(items.map((each) => [each.name, each.quantity]));
  save(CART, { restaurant_id: restaurantId, quantities, reference: newReference() });
  tell();
}

/** From here on it is another order. */
export function renewReference() {
  save(CART, { ...cart(), reference: newReference() });
}

export function clearCart() {
  save(CART, null);
  tell();
}

/** The lines of the cart with the prices of the menu; `item` is missing where the menu lost it. */
export function lines(restaurant) {
  const { restaurant_id, quantities } = cart();
  if (restaurant?.restaurant_id !== restaurant_id) {
    return [];
  }
  const menu = new Map(restaurant.menu.map((item) => [item.name, item]));
  return Object.entries(quantities).map(([name, quantity]) => ({
    name,
    quantity,
    item: menu.get(name) ?? null,
    cents: (menu.get(name)?.price_cents ?? 0) * quantity,
  }));
}

export const count = () => Object.values(cart().quantities).reduce((sum, each) => sum + each, 0);

export function addressIn(region) {
  return read(ADDRESSES)?.[region] ?? null;
}

export function keepAddress(region, location) {
  save(ADDRESSES, { ...read(ADDRESSES), [region]: location });
}

/** [{ url, restaurant, at }] newest first */
export function orders() {
  const found = read(ORDERS);
  return Array.isArray(found) ? found : [];
}

export function keepOrder(order) {
  const others = orders().filter((each) => each.url !== order.url);
  save(ORDERS, [order, ...others].slice(0, ORDERS_MAX));
}

/** What this browser is known by at the shop: random, and the same for all its orders. */
export function customer() {
  const known = read(CUSTOMER);
  if (typeof known === "string" && /^customer-[0-9a-f]{24}$/.test(known)) {
    return known;
  }
  const made = `customer-${randomName()}`;
  save(CUSTOMER, made);
  return made;
}

const newReference = () => `shop-${randomName()}`;

function randomName() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return [...random].map((each) => each.toString(16).padStart(2, "0")).join("");
}

function tell() {
  listeners.forEach((each) => each());
}

// What a browser that keeps nothing is told to keep: it lasts until the page is left.
const unkept = new Map();

function read(key) {
  try {
    return JSON.parse(unkept.get(key) ?? localStorage.getItem(key));
  } catch {
    return null;
  }
}

function save(key, value) {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(key, text);
    unkept.delete(key);
  } catch {
    unkept.set(key, text);
  }
}
