/** The shapes that stand for places on the map; their point is at 0, 0. */
const NAMESPACE = "http://www.w3.org/2000/svg";
const DROP = "M0 0C-4-8-15-15-15-27a15 15 0 0 1 30 0C15-15 4-8 0 0Z";

const SHAPES = {
  restaurant: `<ellipse class="pin-shadow" rx="7" ry="2.5"/><path class="pin-body" d="${DROP}"/>
    <g class="pin-glyph" transform="translate(0 -27)">
      <path d="M-5-7v4.2a2.6 2.6 0 0 0 5.2 0V-7M-2.4-7V7.5M5.4 7.5V-7c-2.6 1-3.4 4-3.2 7.2h3.2"/>
    </g>`,
  door: `<ellipse class="pin-shadow" rx="7" ry="2.5"/><path class="pin-body" d="${DROP}"/>
    <g class="pin-glyph" transform="translate(0 -27)">
      <path d="M-8 0 0-7.5 8 0M-5.6-1.5V6.5H5.6V-1.5M-1.6 6.5V2.2h3.2v4.3"/>
    </g>`,
  driver: `<circle class="pin-halo" r="22"/><circle class="pin-body" r="15.5"/>
    <g class="pin-glyph pin-scooter">
      <circle cx="-6.2" cy="5" r="2.6"/><circle cx="6.6" cy="5" r="2.6"/>
      <path d="M-3.6 5H2.4L6-5.6H3M6.6 5 5.2-2.6M-8.6.6h5c1.6 0 2.6 1.6 2.6 4.2"/>
      <path class="pin-box" d="M-9-5.6h6.4v5H-9z"/>
    </g>`,
  dot: `<circle class="pin-body" r="6"/>`,
};

export function pinShape(kind, caption = "") {
  const group = document.createElementNS(NAMESPACE, "g");
  group.setAttribute("class", `pin pin-${kind in SHAPES ? kind : "dot"}`);
  group.innerHTML = `<title></title>${SHAPES[kind] ?? SHAPES.dot}`;
  if (caption) {
    const text = document.createElementNS(NAMESPACE, "text");
    text.setAttribute("y", "16");
    text.textContent = caption;
    group.append(text);
  }
  return group;
}
