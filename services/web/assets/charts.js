// Charts as SVG, drawn in the pixels that they have: lines over time, spans on a logarithmic axis.
import { duration, el, time } from "./api.js";
import { s, words } from "./elements.js";

const MARGIN = { top: 12, right: 14, bottom: 26, left: 40 };

/** Draws again whenever the container's width changes; the function returned takes new data. */
function responsive(container, draw) {
  let data = null;
  let width = 0;
  const redraw = () => data !== null && width > 0 && draw(container, data, width);
  new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now === width) return;
    width = now;
    redraw();
  }).observe(container);
  return (next) => {
    data = next;
    width ||= Math.floor(container.clientWidth);
    redraw();
  };
}

/** Round numbers for an axis from 0 to at least `max`, about `count` of them. */
export function niceTicks(max, count = 4) {
  const raw = Math.max(max, 1) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(
    1,
    [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw),
  );
  const ticks = [];
  for (let value = 0; value < max + step && ticks.length < 12; value += step) ticks.push(value);
  return ticks;
}

/**
 * Lines over the last hour, minute by minute.
 * @param series [{key, label, className}]
 * @returns takes points [{minute, <key>: number, …}], oldest first
 */
export function lineChart(container, series, title) {
  container.classList.add("chart");
  const legend = el(
    "ul",
    { class: "chart-legend" },
    series.map((each) =>
      el("li", { class: each.className }, el("i", { class: "chart-key" }), each.label, el("b")),
    ),
  );
  const plot = el("div", { class: "chart-plot" });
  const readout = el("p", { class: "chart-readout" });
  const table = el("details", { class: "chart-table" }, el("summary", {}, "As a table"));
  container.replaceChildren(legend, plot, readout, table);
  const redraw = responsive(plot, (place, points, width) =>
    drawLines(place, points, width, series, title, readout),
  );
  return (points) => {
    legend.querySelectorAll("b").forEach((each, index) => {
      each.textContent = points.reduce((sum, point) => sum + (point[series[index].key] ?? 0), 0);
    });
    redraw(points);
    fillTable(table, points, series);
  };
}

function drawLines(place, points, width, series, title, readout) {
  const height = 200;
  const highest = Math.max(
    1,
    ...points.flatMap((point) => series.map((each) => point[each.key] ?? 0)),
  );
  const ticks = niceTicks(highest);
  const top = ticks.at(-1);
  const x = (index) =>
    MARGIN.left + (index * (width - MARGIN.left - MARGIN.right)) / Math.max(1, points.length - 1);
  const y = (value) =>
    height - MARGIN.bottom - (value / top) * (height - MARGIN.top - MARGIN.bottom);
  const svg = s("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": title,
  });
  for (const tick of ticks) {
    svg.append(
      s("line", {
        x1: MARGIN.left,
        x2: width - MARGIN.right,
        y1: y(tick),
        y2: y(tick),
        class: "chart-grid",
      }),
      s(
        "text",
        { x: MARGIN.left - 8, y: y(tick) + 4, class: "chart-text", "text-anchor": "end" },
        String(tick),
      ),
    );
  }
  const every = width < 480 ? 20 : 10;
  points.forEach((point, index) => {
    const instant = new Date(point.minute);
    if (instant.getMinutes() % every !== 0) return;
    const anchor = x(index) > width - 40 ? "end" : "middle";
    svg.append(
      s("line", { x1: x(index), x2: x(index), y1: y(0), y2: y(0) + 4, class: "chart-axis" }),
      s(
        "text",
        { x: x(index), y: height - 6, class: "chart-text", "text-anchor": anchor },
        time(point.minute),
      ),
    );
  });
  for (const each of series) {
    const path = points.map(
      (point, index) => `${x(index).toFixed(1)},${y(point[each.key] ?? 0).toFixed(1)}`,
    );
    svg.append(s("polyline", { points: path.join(" "), class: `chart-line ${each.className}` }));
    if (points.length) {
      const last = points.length - 1;
      svg.append(
        s("circle", {
          cx: x(last),
          cy: y(points[last][each.key] ?? 0),
          r: 3,
          class: `chart-dot ${each.className}`,
        }),
      );
    }
  }
  addPointer(svg, points, series, x, { width, height, readout });
  place.replaceChildren(svg);
}

function addPointer(svg, points, series, x, { width, height, readout }) {
  const hair = s("line", {
    y1: MARGIN.top,
    y2: height - MARGIN.bottom,
    class: "chart-hair",
    visibility: "hidden",
  });
  svg.append(hair);
  svg.addEventListener("pointermove", (event) => {
    const inside = event.clientX - svg.getBoundingClientRect().left - MARGIN.left;
    const share = inside / (width - MARGIN.left - MARGIN.right);
    const index = Math.min(points.length - 1, Math.max(0, Math.round(share * (points.length - 1))));
    if (!points[index]) return;
    hair.setAttribute("x1", x(index));
    hair.setAttribute("x2", x(index));
    hair.setAttribute("visibility", "visible");
    const parts = series.map(
      (each) => `${each.label.toLowerCase()} ${points[index][each.key] ?? 0}`,
    );
    readout.textContent = `${time(points[index].minute)}: ${parts.join(", ")}`;
  });
  svg.addEventListener("pointerleave", () => {
    hair.setAttribute("visibility", "hidden");
    readout.textContent = "";
  });
}

function fillTable(details, points, series) {
  details.querySelector("div")?.remove();
  const busy = points.filter((point) => series.some((each) => point[each.key])).reverse();
  const rows = busy.map((point) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, time(point.minute)),
      series.map((each) => el("td", {}, String(point[each.key] ?? 0))),
    ),
  );
  const head = el(
    "tr",
    {},
    el("th", {}, "Minute"),
    series.map((each) => el("th", { scope: "col" }, each.label)),
  );
  details.append(el("div", {}, el("table", {}, el("thead", {}, head), el("tbody", {}, rows))));
}

const AGE_TICKS = [1, 10, 60, 600, 3600, 36_000, 86_400, 864_000];
const AGE_NAMES = ["1 s", "10 s", "1 min", "10 min", "1 h", "10 h", "1 d", "10 d"];

/**
 * How long orders have been in their status: the median as a bar, the oldest as its whisker.
 * @returns takes rows [{status, p50_seconds, max_seconds}]
 */
export function ageChart(container) {
  container.classList.add("chart");
  const legend = el(
    "ul",
    { class: "chart-legend" },
    el("li", {}, el("i", { class: "chart-key is-bar" }), "Half are younger than"),
    el("li", {}, el("i", { class: "chart-key is-tip" }), "Oldest"),
  );
  const plot = el("div", { class: "chart-plot" });
  container.replaceChildren(legend, plot);
  return responsive(plot, drawAges);
}

function drawAges(place, rows, width) {
  if (!rows.length) {
    place.replaceChildren(el("p", { class: "empty" }, "No order is open."));
    return;
  }
  const row = 40;
  const height = rows.length * row + 30;
  const longest = Math.max(60, ...rows.map((each) => each.max_seconds));
  const last = Math.max(
    2,
    AGE_TICKS.findIndex((each) => each >= longest),
  );
  const right = width - 56;
  const x = (seconds) =>
    2 + (Math.log(Math.max(1, seconds)) / Math.log(AGE_TICKS[last])) * (right - 2);
  const label = rows
    .map(
      (each) =>
        `${words(each.status)}: half under ${duration(each.p50_seconds)}, ` +
          `oldest ${duration(each.max_seconds)}`,
    )
    .join("; ");
  const svg = s("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": label,
  });
  AGE_TICKS.slice(0, last + 1).forEach((tick, index) => {
    svg.append(
      s("line", { x1: x(tick), x2: x(tick), y1: 6, y2: height - 22, class: "chart-grid" }),
      s(
        "text",
        {
          x: x(tick),
          y: height - 6,
          class: "chart-text",
          "text-anchor": index ? "middle" : "start",
        },
        AGE_NAMES[index],
      ),
    );
  });
  rows.forEach((each, index) => {
    const y = index * row + 26;
    svg.append(
      s("text", { x: 2, y: y - 6, class: "chart-label" }, words(each.status)),
      s("line", {
        x1: x(1),
        x2: x(each.max_seconds),
        y1: y + 5,
        y2: y + 5,
        class: "chart-whisker",
      }),
      s("rect", {
        x: x(1),
        y,
        width: Math.max(3, x(each.p50_seconds) - x(1)),
        height: 10,
        rx: 3,
        class: "chart-bar",
      }),
      s("circle", { cx: x(each.max_seconds), cy: y + 5, r: 4.5, class: "chart-tip" }),
      s(
        "text",
        { x: Math.min(x(each.max_seconds) + 9, width - 52), y: y + 9, class: "chart-text" },
        shortAge(each.max_seconds),
      ),
    );
  });
  place.replaceChildren(svg);
}

function shortAge(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 360) / 10} h`;
  return `${Math.round(seconds / 8640) / 10} d`;
}
