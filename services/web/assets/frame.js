/** Fills the header of every page: <header class="top" data-page="shop"></header>. */
import { drawing, el, get } from "./api.js";

const PAGES = [
  ["shop", "/", "Order food"],
  ["restaurant", "/restaurant", "Restaurants"],
  ["board", "/board", "Board"],
];

const LOGO = `<svg viewBox="0 0 32 32" aria-hidden="true">
  <path d="M9 9V7a7 5 0 0 1 14 0v2" fill="none" stroke="var(--text-soft)" stroke-width="2.2"/>
  <rect x="5" y="8" width="22" height="7" rx="2.6" fill="var(--accent)"/>
  <rect x="4" y="15.5" width="24" height="6.6" rx="2.2" fill="var(--primary)"/>
  <rect x="5" y="22.7" width="22" height="6.8" rx="3" fill="var(--primary-strong)"/>
</svg>`;

async function frame(header) {
  const page = header.dataset.page ?? "";
  const nav = el("nav", { "aria-label": "Pages" });
  for (const [name, address, text] of PAGES) {
    nav.append(link(name, address, text, page));
  }
  header.replaceChildren(
    el("a", { class: "brand", href: "/" }, drawing(LOGO), "Tiffin"),
    ...header.childNodes,
    nav,
  );
  try {
    const sandbox = await get("/api/sandbox");
    if (sandbox?.available) {
      nav.append(link("simulator", "/simulator", "Simulator", page));
    }
  } catch {
    // Without the sandbox there is no simulator to show.
  }
}

function link(name, address, text, page) {
  return el("a", { href: address, "aria-current": name === page ? "page" : null }, text);
}

for (const header of document.querySelectorAll("header.top")) {
  frame(header);
}
