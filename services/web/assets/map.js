/**
 * A map drawn from nothing but coordinates: an invented city (streets.js), real places.
 *
 *   const map = createMap(element, { label: "Where your order is", follow: true });
 *   map.show({
 *     places: [{ id: "door", kind: "door", location: { latitude, longitude }, label: "Your door" }],
 *     lines: [{ id: "way", from: location, to: location, kind: "way" }],
 *   });                            // whole content each time; what has moved glides there
 *   map.fit();  map.remove();      // all places in view; map.fit(locations) those only
 *
 * kind: "restaurant", "door", "driver", "dot"; `status` of a place becomes data-status, for colours.
 * Options: follow (fits again when a place leaves the view, until the person moves the map),
 *   onSelect(place) (places can be clicked), wheel (zooms without Ctrl), glideMs (a fixed time),
 *   pick: { location, kind, onMove(location, isDone) } (a pin that click, drag and arrow keys move;
 *   map.pickAt(location) moves it from outside).
 * Keys: arrows move the pin or the map (Shift: further), + and - zoom.
 */
import { drawing, el } from "./api.js";
import { EARTH_RADIUS_M } from "./geo.js";
import { pinShape } from "./pins.js";
import { drawStreets } from "./streets.js";

const METRES_PER_PIXEL_MIN = 0.4;
const METRES_PER_PIXEL_MAX = 20_000;
const FIT_METRES_PER_PIXEL_MIN = 1.6;
const PADDING_PX = 56;
const PIN_PX = 42;
const GLIDE_MS_MIN = 350;
const GLIDE_MS_MAX = 6_000;
const CLICK_PX_MAX = 5;
const PAN_KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const SVG = `<svg aria-hidden="true"><g class="streets"></g><g class="lines"></g>
  <g class="places"></g></svg>`;

export function createMap(container, options = {}) {
  return new CityMap(container, options);
}

class CityMap {
  constructor(container, options) {
    this.container = container;
    this.options = options;
    this.places = new Map();
    this.lines = [];
    this.centre = { x: 0, y: 0 };
    this.metresPerPixel = 5;
    this.slope = null;
    this.isTouched = false;
    this.isFitted = false;
    this.frame = 0;
    this.pointers = new Map();
    this.build();
    this.listen();
    if (options.pick?.location) {
      this.pickAt(options.pick.location);
      this.fit();
    }
  }

  build() {
    const { label = "Map", pick } = this.options;
    const button = (text, name, act) =>
      el("button", { type: "button", "aria-label": name, title: name, onclick: act }, text);
    this.svg = drawing(SVG);
    [this.streets, this.lineGroup, this.placeGroup] = this.svg.children;
    this.scale = el("div", { class: "map-scale", "aria-hidden": "true" });
    const surface = {
      class: "map-surface",
      tabindex: 0,
      role: pick ? "application" : "img",
      "aria-label": label,
      "aria-describedby": this.options.describedBy ?? null,
    };
    this.surface = el("div", surface, this.svg);
    const controls = el(
      "div",
      { class: "map-controls" },
      button("+", "Zoom in", () => this.zoom(0.6)),
      button("−", "Zoom out", () => this.zoom(1 / 0.6)),
      button("◎", "Show everything", () => this.fit()),
    );
    this.container.classList.add("map");
    this.container.classList.toggle("map-pick", Boolean(pick));
    this.container.replaceChildren(this.surface, this.scale, controls);
  }

  listen() {
    const { surface } = this;
    surface.addEventListener("pointerdown", (event) => this.onDown(event));
    surface.addEventListener("pointermove", (event) => this.onMove(event));
    surface.addEventListener("pointerup", (event) => this.onUp(event));
    surface.addEventListener("pointercancel", (event) => this.onUp(event, true));
    surface.addEventListener("keydown", (event) => this.onKey(event));
    surface.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.observer = new ResizeObserver(() => this.onSize());
    this.observer.observe(surface);
    this.onSize();
  }

  remove() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    this.container.replaceChildren();
  }

  onSize() {
    this.width = this.surface.clientWidth || 600;
    this.height = this.surface.clientHeight || 320;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    if (this.isFitted && !this.isTouched) {
      this.fit();
    }
    // At once: what was drawn for another size must not be seen.
    this.paint(performance.now());
  }

  // Metres east and south of where the equator meets Greenwich, true near the first place shown.
  toWorld({ latitude, longitude }) {
    this.slope ??= Math.cos((Math.round(latitude) * Math.PI) / 180);
    const metres = (EARTH_RADIUS_M * Math.PI) / 180;
    return { x: longitude * metres * this.slope, y: -latitude * metres };
  }

  toLocation({ x, y }) {
    const metres = (EARTH_RADIUS_M * Math.PI) / 180;
    const round = (degrees) => Math.round(degrees * 1e6) / 1e6;
    return { latitude: round(-y / metres), longitude: round(x / metres / (this.slope ?? 1)) };
  }

  toPixel({ x, y }) {
    return {
      x: (x - this.centre.x) / this.metresPerPixel + this.width / 2,
      y: (y - this.centre.y) / this.metresPerPixel + this.height / 2,
    };
  }

  fromPixel({ x, y }) {
    return {
      x: (x - this.width / 2) * this.metresPerPixel + this.centre.x,
      y: (y - this.height / 2) * this.metresPerPixel + this.centre.y,
    };
  }

  show({ places = [], lines = [] }) {
    const kept = new Set(places.map((each) => each.id));
    for (const [id, place] of this.places) {
      if (!kept.has(id) && id !== "pick") {
        place.element.remove();
        this.places.delete(id);
      }
    }
    places.filter((each) => each.location).forEach((each) => this.put(each));
    this.showLines(lines);
    const isOut = this.options.follow && !this.isTouched && this.hasPlaceOutside();
    if (!this.isFitted || isOut) {
      this.fit();
    }
    this.draw();
  }

  put(given) {
    const target = this.toWorld(given.location);
    const now = performance.now();
    let place = this.places.get(given.id);
    if (place === undefined || place.kind !== given.kind) {
      place?.element.remove();
      place = { ...given, element: this.pin(given), at: target, from: target, target, start: now };
      place.glideMs = 0;
      place.told = now;
      this.places.set(given.id, place);
      this.placeGroup.append(place.element);
    } else if (target.x !== place.target.x || target.y !== place.target.y) {
      const sinceMs = Math.min(Math.max(now - place.told, GLIDE_MS_MIN), GLIDE_MS_MAX);
      place.glideMs = STILL.matches ? 0 : (this.options.glideMs ?? sinceMs * 1.05);
      Object.assign(place, { from: place.at, target, start: now, told: now });
    }
    Object.assign(place, { location: given.location, label: given.label, given });
    place.element.dataset.status = given.status ?? "";
    place.element.querySelector("title").textContent = given.label ?? "";
  }

  pin(given) {
    const element = pinShape(given.kind, Boolean(given.caption) && given.caption);
    if (this.options.onSelect && given.id !== "pick") {
      const select = () => this.options.onSelect(this.places.get(given.id)?.given ?? given);
      element.classList.add("can-select");
      element.addEventListener("click", select);
    }
    return element;
  }

  showLines(lines) {
    this.lines = lines.filter((each) => each.from && each.to);
    const elements = this.lines.map((each) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      line.setAttribute("class", `line line-${each.kind ?? "way"}`);
      return line;
    });
    this.lineGroup.replaceChildren(...elements);
  }

  hasPlaceOutside() {
    return [...this.places.values()].some(({ target }) => {
      const { x, y } = this.toPixel(target);
      return x < 12 || y < 12 || x > this.width - 12 || y > this.height - 12;
    });
  }

  fit(locations = null) {
    const all = [...this.places.values()].map((each) => each.target);
    const points = locations?.map((each) => this.toWorld(each)) ?? all;
    if (points.length === 0) {
      return;
    }
    const [xs, ys] = [points.map((each) => each.x), points.map((each) => each.y)];
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    this.centre = { x: (left + right) / 2, y: (top + bottom) / 2 };
    const across = (right - left) / Math.max(this.width - 2 * PADDING_PX, 60);
    const down = (bottom - top) / Math.max(this.height - 1.4 * PADDING_PX - PIN_PX, 60);
    this.metresPerPixel = Math.max(across, down, FIT_METRES_PER_PIXEL_MIN);
    this.centre.y -= (PIN_PX / 2.5) * this.metresPerPixel;
    this.isFitted = true;
    this.isTouched = false;
    this.draw();
  }

  zoom(factor, around = { x: this.width / 2, y: this.height / 2 }) {
    const before = this.fromPixel(around);
    const wanted = this.metresPerPixel * factor;
    this.metresPerPixel = Math.min(Math.max(wanted, METRES_PER_PIXEL_MIN), METRES_PER_PIXEL_MAX);
    const after = this.fromPixel(around);
    this.pan(before.x - after.x, before.y - after.y);
  }

  pan(x, y) {
    this.centre = { x: this.centre.x + x, y: this.centre.y + y };
    this.isTouched = true;
    this.draw();
  }

  pickAt(location, isDone = true) {
    const { pick } = this.options;
    this.put({ id: "pick", kind: pick.kind ?? "door", location, label: "The chosen place" });
    const place = this.places.get("pick");
    Object.assign(place, { at: place.target, from: place.target, glideMs: 0 });
    const { x, y } = this.toPixel(place.target);
    const isIn = x > 24 && y > 40 && x < this.width - 24 && y < this.height - 12;
    if (this.isFitted && !isIn && isDone) {
      this.centre = place.target;
    }
    this.draw();
  }

  movePick(world, isDone) {
    const location = this.toLocation(world);
    this.pickAt(location, isDone);
    this.options.pick.onMove?.(location, isDone);
  }

  onKey(event) {
    if (event.key === "+" || event.key === "=" || event.key === "-") {
      event.preventDefault();
      this.zoom(event.key === "-" ? 1 / 0.6 : 0.6);
    }
    const way = PAN_KEYS[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    const [right, down] = way;
    const stepM = this.metresPerPixel * (event.shiftKey ? 60 : 12);
    if (this.options.pick) {
      const { target } = this.places.get("pick");
      this.movePick({ x: target.x + right * stepM, y: target.y + down * stepM }, true);
    } else {
      this.pan(right * stepM * 4, down * stepM * 4);
    }
  }

  onWheel(event) {
    if (!this.options.wheel && !event.ctrlKey && !event.metaKey) {
      return;
    }
    event.preventDefault();
    this.zoom(Math.exp(Math.sign(event.deltaY) * 0.18), this.pixelOf(event));
  }

  pixelOf(event) {
    const box = this.surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  onDown(event) {
    if (event.button !== 0) {
      return;
    }
    const pixel = this.pixelOf(event);
    const isPin = Boolean(this.options.pick && event.target.closest?.("[data-id=pick], .pin-door"));
    this.pointers.set(event.pointerId, { pixel, first: pixel, isPin });
    if (!this.options.onSelect || !event.target.closest?.(".can-select")) {
      this.surface.setPointerCapture(event.pointerId);
    }
  }

  onMove(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) {
      return;
    }
    const pixel = this.pixelOf(event);
    const [dx, dy] = [pixel.x - pointer.pixel.x, pixel.y - pointer.pixel.y];
    if (this.pointers.size === 2) {
      const other = [...this.pointers.entries()].find(([id]) => id !== event.pointerId)[1].pixel;
      const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      this.zoom(apart(pointer.pixel) / apart(pixel), other);
    } else if (pointer.isPin) {
      const world = this.places.get("pick").target;
      const metres = this.metresPerPixel;
      this.movePick({ x: world.x + dx * metres, y: world.y + dy * metres }, false);
    } else if (isFar(pixel, pointer.first)) {
      this.pan(-dx * this.metresPerPixel, -dy * this.metresPerPixel);
    }
    pointer.pixel = pixel;
  }

  onUp(event, isCancelled = false) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!pointer || isCancelled || !this.options.pick) {
      return;
    }
    if (pointer.isPin) {
      this.movePick(this.places.get("pick").target, true);
    } else if (!isFar(this.pixelOf(event), pointer.first)) {
      this.movePick(this.fromPixel(this.pixelOf(event)), true);
    }
  }

  draw() {
    if (!this.frame) {
      this.frame = requestAnimationFrame((now) => this.paint(now));
    }
  }

  paint(now) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    let isGliding = false;
    for (const place of this.places.values()) {
      const share = place.glideMs ? Math.min(1, (now - place.start) / place.glideMs) : 1;
      isGliding ||= share < 1;
      place.at = {
        x: place.from.x + (place.target.x - place.from.x) * Math.max(0, share),
        y: place.from.y + (place.target.y - place.from.y) * Math.max(0, share),
      };
      const { x, y } = this.toPixel(place.at);
      place.element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      place.element.classList.toggle("is-west", place.target.x < place.from.x - 1);
    }
    this.paintLines();
    const view = [this.centre.x, this.centre.y, this.metresPerPixel, this.width, this.height];
    if (view.join() !== this.painted) {
      this.painted = view.join();
      drawStreets(this.streets, this);
      this.paintScale();
    }
    if (isGliding) {
      this.draw();
    }
  }

  paintLines() {
    this.lines.forEach((line, index) => {
      const element = this.lineGroup.children[index];
      // An end that is named as a place goes where the place is drawn.
      const [from, to] = [line.from, line.to].map((end) => {
        const place = typeof end === "string" ? this.places.get(end)?.at : this.toWorld(end);
        return place ? this.toPixel(place) : { x: -99, y: -99 };
      });
      element.setAttribute("x1", from.x);
      element.setAttribute("y1", from.y);
      element.setAttribute("x2", to.x);
      element.setAttribute("y2", to.y);
    });
  }

  paintScale() {
    const wanted = this.metresPerPixel * 90;
    const power = 10 ** Math.floor(Math.log10(wanted));
    const metres = [5, 2, 1].find((each) => each * power <= wanted) * power;
    this.scale.textContent = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
    this.scale.style.width = `${metres / this.metresPerPixel}px`;
  }
}

function isFar(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y) > CLICK_PX_MAX;
}
