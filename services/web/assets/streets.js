/**
 * The invented city below the pins: blocks, streets, avenues, parks and ponds, always the same at
 * the same coordinates. Farther out only every second, fourth, … street is drawn.
 */
const STEP_M = 120;
const STREET_PX_MIN = 46;
const BEND = 0.3;
const AVENUE_EVERY = 4;
const PARK_SHARE = 0.075;
const NAMESPACE = "http://www.w3.org/2000/svg";
const LAYERS = ["ground", "block", "park", "pond", "avenue-edge", "avenue"];

/** Draws what a view of the map shows: centre, metresPerPixel, width, height, toPixel. */
export function drawStreets(group, view) {
  let level = 1;
  while ((STEP_M * level) / view.metresPerPixel < STREET_PX_MIN) {
    level *= 2;
  }
  const stepM = STEP_M * level;
  const stepPx = stepM / view.metresPerPixel;
  const span = (centre, pixels) => {
    const half = (pixels / 2) * view.metresPerPixel;
    return [Math.floor((centre - half) / stepM) - 1, Math.ceil((centre + half) / stepM) + 1];
  };
  const [left, right] = span(view.centre.x, view.width);
  const [top, bottom] = span(view.centre.y, view.height);
  const corners = new Map();
  const corner = (column, row) => {
    const key = `${column}/${row}`;
    if (!corners.has(key)) {
      corners.set(key, view.toPixel(bent(column * level, row * level)));
    }
    return corners.get(key);
  };
  const paths = { block: [], park: [], pond: [], avenue: [] };
  for (let column = left; column < right; column += 1) {
    for (let row = top; row < bottom; row += 1) {
      addBlock(paths, corner, column, row, level, stepPx);
    }
  }
  addAvenues(paths, corner, [left, right], [top, bottom]);
  paint(group, view, paths, stepPx);
}

function addBlock(paths, corner, column, row, level, stepPx) {
  const around = [
    corner(column, row),
    corner(column + 1, row),
    corner(column + 1, row + 1),
    corner(column, row + 1),
  ];
  const chance = hash(column * level, row * level, 7 + level);
  const isPark = chance < PARK_SHARE;
  paths[isPark ? "park" : "block"].push(outline(around));
  if (isPark && chance < PARK_SHARE / 3) {
    const [x, y] = ["x", "y"].map((axis) => around.reduce((sum, each) => sum + each[axis], 0) / 4);
    const [wide, high] = [stepPx * 0.24, stepPx * 0.15];
    paths.pond.push(
      `M${f(x - wide)} ${f(y)}a${f(wide)} ${f(high)} 0 1 0 ${f(2 * wide)} 0` +
        `a${f(wide)} ${f(high)} 0 1 0 ${f(-2 * wide)} 0Z`,
    );
  }
}

function addAvenues(paths, corner, [left, right], [top, bottom]) {
  for (let column = left; column <= right; column += 1) {
    if (column % AVENUE_EVERY === 0) {
      paths.avenue.push(line(top, bottom, (row) => corner(column, row)));
    }
  }
  for (let row = top; row <= bottom; row += 1) {
    if (row % AVENUE_EVERY === 0) {
      paths.avenue.push(line(left, right, (column) => corner(column, row)));
    }
  }
}

function paint(group, view, paths, stepPx) {
  if (group.childElementCount === 0) {
    for (const layer of LAYERS) {
      const isGround = layer === "ground";
      const element = document.createElementNS(NAMESPACE, isGround ? "rect" : "path");
      element.setAttribute("class", `city-${layer}`);
      group.append(element);
    }
  }
  const [ground, block, park, pond, edge, avenue] = group.children;
  ground.setAttribute("width", view.width);
  ground.setAttribute("height", view.height);
  const street = Math.min(Math.max(stepPx * 0.1, 3), 16);
  block.setAttribute("d", paths.block.join(""));
  block.setAttribute("stroke-width", street);
  park.setAttribute("d", paths.park.join(""));
  park.setAttribute("stroke-width", street);
  pond.setAttribute("d", paths.pond.join(""));
  edge.setAttribute("d", paths.avenue.join(""));
  edge.setAttribute("stroke-width", street * 1.55 + 2);
  avenue.setAttribute("d", paths.avenue.join(""));
  avenue.setAttribute("stroke-width", street * 1.55);
}

/** The crossing of two streets in metres, off the regular grid by up to BEND of a step. */
function bent(column, row) {
  return {
    x: (column + (hash(column, row, 1) - 0.5) * 2 * BEND) * STEP_M,
    y: (row + (hash(column, row, 2) - 0.5) * 2 * BEND) * STEP_M,
  };
}

/** A number from 0 to 1 that looks like chance, and is the same for the same whole numbers. */
function hash(one, two, salt) {
  let mixed = Math.imul(one, 374761393) ^ Math.imul(two, 668265263) ^ Math.imul(salt, 2246822519);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 1274126177);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

function line(first, last, at) {
  const points = [];
  for (let index = first; index <= last; index += 1) {
    points.push(at(index));
  }
  return `M${points.map(({ x, y }) => `${f(x)} ${f(y)}`).join("L")}`;
}

function outline(points) {
  return `M${points.map(({ x, y }) => `${f(x)} ${f(y)}`).join("L")}Z`;
}

function f(number) {
  return number.toFixed(1);
}
