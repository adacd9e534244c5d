/** Drawn placeholders for dishes and restaurants: picture("Taco al pastor", "main") is an SVG. */
import { drawing } from "./api.js";

const STEAM = `<g fill="none" stroke="#fff" stroke-opacity=".75" stroke-width="3" stroke-linecap="round">
  <path d="M38 28c-4-5 4-7 0-13M50 25c-4-5 4-8 0-14M62 28c-4-5 4-7 0-13"/></g>`;
const PLATE = `<ellipse cx="50" cy="72" rx="42" ry="13" fill="#fff"/>
  <ellipse cx="50" cy="71" rx="30" ry="8" fill="#e9ede9"/>`;

const bowl = (top, inside) => `${STEAM}<ellipse cx="50" cy="46" rx="37" ry="13" fill="${top}"/>
  ${inside}<path d="M13 46c0 24 15 38 37 38s37-14 37-38c0 8-17 14-37 14S13 54 13 46Z" fill="#fff"/>
  <path d="M17 60c4 10 10 17 17 20" stroke="#d3dbd6" stroke-width="3" fill="none"
    stroke-linecap="round"/>`;

const DISHES = {
  taco: `${PLATE}<path d="M16 68a34 34 0 0 1 68 0Z" fill="#7fa843"/>
    <g fill="#c8432f"><circle cx="30" cy="43" r="7"/><circle cx="50" cy="35" r="7"/>
    <circle cx="70" cy="43" r="7"/></g><g fill="#f6e9c4"><circle cx="40" cy="38" r="6"/>
    <circle cx="60" cy="38" r="6"/></g><path d="M16 70a34 30 0 0 1 68 0Z" fill="#f0b94d"/>
    <g fill="#d99a2b"><circle cx="38" cy="58" r="2.5"/><circle cx="55" cy="52" r="2.5"/>
    <circle cx="66" cy="62" r="2.5"/></g>`,
  burrito: `${PLATE}<rect x="18" y="38" width="64" height="30" rx="15" fill="#f1d9a4"/>
    <path d="M52 38h15a15 15 0 0 1 0 30H52Z" fill="#d7dde0"/><path d="M52 38l7 30M62 38l6 30"
    stroke="#b9c3c7" stroke-width="2"/><ellipse cx="22" cy="53" rx="7" ry="13" fill="#8a5a33"/>
    <circle cx="21" cy="48" r="3" fill="#c8432f"/><circle cx="23" cy="57" r="3.2" fill="#7fa843"/>`,
  soup: bowl(
    "#d98a3d",
    `<circle cx="37" cy="45" r="6" fill="#f7f3e3"/>
    <circle cx="37" cy="45" r="2.7" fill="#f0a92e"/><path d="M50 44c6-5 14-5 20 0" stroke="#f6dd96"
    stroke-width="3" fill="none"/><path d="M52 50c6-4 12-4 18-1" stroke="#f6dd96" stroke-width="3"
    fill="none"/><path d="M60 38l7 3" stroke="#4d8a3d" stroke-width="4" stroke-linecap="round"/>`,
  ),
  curry: bowl(
    "#c9772a",
    `<ellipse cx="38" cy="44" rx="15" ry="6.5" fill="#fbf7ea"/>
    <g fill="#8e4318"><circle cx="59" cy="44" r="5"/><circle cx="69" cy="47" r="4"/></g>
    <path d="M52 51l6 2M66 40l5-2" stroke="#4d8a3d" stroke-width="3.5" stroke-linecap="round"/>`,
  ),
  rice: bowl(
    "#fbf7ea",
    `<path d="M24 44c4-14 48-14 52 0-8 7-44 7-52 0Z" fill="#fffdf4"/>
    <g fill="#c8432f"><circle cx="43" cy="39" r="3"/><circle cx="60" cy="42" r="3"/></g>
    <g fill="#4d8a3d"><circle cx="51" cy="44" r="2.6"/><circle cx="34" cy="43" r="2.6"/></g>`,
  ),
  salad: bowl(
    "#6f9c3f",
    `<g fill="#8dbb54"><circle cx="32" cy="41" r="9"/>
    <circle cx="48" cy="36" r="10"/><circle cx="66" cy="41" r="9"/></g><g fill="#d6452f">
    <circle cx="40" cy="45" r="5"/><circle cx="60" cy="46" r="5"/></g>
    <circle cx="52" cy="47" r="4" fill="#fbf3d5"/>`,
  ).replace(STEAM, ""),
  pizza: `<path d="M50 90 14 26c22-14 50-14 72 0Z" fill="#f3c14f"/><path d="M10 27c24-17 56-17 80 0
    2 4-1 8-5 7-20-14-50-14-70 0-4 1-7-3-5-7Z" fill="#c98335"/><g fill="#c23b2b">
    <circle cx="39" cy="42" r="6.5"/><circle cx="61" cy="45" r="6.5"/><circle cx="50" cy="66" r="6"/>
    </g><g fill="#4d8a3d"><ellipse cx="51" cy="34" rx="5" ry="2.6"/>
    <ellipse cx="47" cy="55" rx="4.5" ry="2.4" transform="rotate(-30 47 55)"/></g>`,
  burger: `${PLATE}<path d="M18 44c0-18 16-26 32-26s32 8 32 26Z" fill="#dc9742"/><g fill="#fbeccb">
    <ellipse cx="38" cy="30" rx="3" ry="1.7"/><ellipse cx="52" cy="26" rx="3" ry="1.7"/>
    <ellipse cx="64" cy="33" rx="3" ry="1.7"/></g><path d="M15 46h70l-6 7-8-4-8 5-9-5-9 5-8-5-9 4Z"
    fill="#7cae46"/><rect x="17" y="53" width="66" height="9" rx="4.5" fill="#70402a"/>
    <path d="M22 53h40l-9 8Z" fill="#f5c242"/><path d="M18 62h64c0 9-6 13-14 13H32c-8 0-14-4-14-13Z"
    fill="#dc9742"/>`,
  sushi: `${PLATE}<g><rect x="14" y="44" width="32" height="25" rx="4" fill="#23312b"/>
    <ellipse cx="30" cy="44" rx="16" ry="9" fill="#fffdf4"/><ellipse cx="30" cy="44" rx="7" ry="4"
    fill="#ef7a55"/><rect x="53" y="44" width="32" height="25" rx="4" fill="#23312b"/>
    <ellipse cx="69" cy="44" rx="16" ry="9" fill="#fffdf4"/><ellipse cx="69" cy="44" rx="7" ry="4"
    fill="#84b552"/></g><path d="M20 22 84 14M20 28l64-6" stroke="#a5683a" stroke-width="3.4"
    stroke-linecap="round"/>`,
  noodles: bowl(
    "#e4b35a",
    `<g fill="none" stroke="#f9e2a2" stroke-width="3.4">
    <path d="M20 46c8-10 16 6 24-2s16 4 24-3 10 2 14 3"/><path d="M24 51c8-6 14 4 22-2s16 4 26-2"/></g>
    <g fill="#c8432f"><circle cx="42" cy="40" r="4"/></g><path d="M58 39l8 2M34 39l-5 4" stroke="#4d8a3d"
    stroke-width="4" stroke-linecap="round"/><path d="M64 40 88 10M69 42 94 14" stroke="#a5683a"
    stroke-width="3"/>`,
  ),
  dumplings: `${PLATE}<g fill="#fbf1dc" stroke="#dcc9a3" stroke-width="2"><path d="M12 64c0-16 9-24
    18-24s18 8 18 24Z"/><path d="M52 64c0-16 9-24 18-24s18 8 18 24Z"/><path d="M31 70c0-17 10-26
    19-26s19 9 19 26Z"/></g><g stroke="#c9b182" stroke-width="2" fill="none"><path d="M50 45v9M43
    48l3 8M57 48l-3 8"/></g>`,
  bread: `${PLATE}<path d="M14 58c0-16 14-28 36-28s36 12 36 28c0 8-5 11-12 11H26c-7 0-12-3-12-11Z"
    fill="#e2ab5c"/><g stroke="#b97c32" stroke-width="4" stroke-linecap="round"><path d="M34 40l5
    12M50 36l3 13M66 40l2 11"/></g>`,
  sandwich: `${PLATE}<path d="M14 62 50 24l36 38Z" fill="#f3dfb3"/><path d="M14 62h72v5H14Z"
    fill="#7cae46"/><path d="M14 66h72v4H14Z" fill="#d6452f"/><path d="M13 69h74v7H13Z" fill="#dba24f"/>
    <path d="M14 62 50 24l36 38" fill="none" stroke="#c98335" stroke-width="4"/>`,
  fries: `<g fill="#f4c64e" stroke="#dca62f" stroke-width="1.5"><rect x="28" y="20" width="8" height="40"
    rx="2"/><rect x="39" y="13" width="8" height="46" rx="2"/><rect x="50" y="17" width="8" height="42"
    rx="2"/><rect x="61" y="14" width="8" height="46" rx="2"/><rect x="68" y="26" width="7" height="34"
    rx="2"/></g><path d="M20 46c10 8 50 8 60 0l-8 42H28Z" fill="#cf4433"/>
    <path d="M34 66h32" stroke="#fff" stroke-width="5" stroke-linecap="round"/>`,
  skewer: `${PLATE}<path d="M8 66 92 26M14 78l80-38" stroke="#a5683a" stroke-width="3"
    stroke-linecap="round"/><g fill="#8e4b2b"><rect x="22" y="46" width="15" height="17" rx="5"/>
    <rect x="54" y="31" width="15" height="17" rx="5"/><rect x="30" y="58" width="15" height="17" rx="5"/>
    <rect x="62" y="43" width="15" height="17" rx="5"/></g><g fill="#e0a03a"><circle cx="46" cy="47"
    r="8"/><circle cx="54" cy="58" r="8"/></g>`,
  drink: `<path d="M60 10 52 44" stroke="#cf4433" stroke-width="5" stroke-linecap="round"/>
    <path d="M60 10h14" stroke="#cf4433" stroke-width="5" stroke-linecap="round"/><path d="M26 28h48l-6
    58a6 6 0 0 1-6 5H38a6 6 0 0 1-6-5Z" fill="#fff" fill-opacity=".75"/><path d="M28 44h44l-4 41a5 5 0 0
    1-5 4H37a5 5 0 0 1-5-4Z" fill="#eb9a3c"/><g fill="#fff" fill-opacity=".6"><rect x="38" y="50"
    width="11" height="11" rx="2" transform="rotate(12 43 55)"/><rect x="51" y="60" width="11" height="11"
    rx="2" transform="rotate(-14 56 65)"/></g>`,
  coffee: `${STEAM}<path d="M20 40h52v22a22 22 0 0 1-22 22h-8a22 22 0 0 1-22-22Z" fill="#fff"/>
    <path d="M72 46h6a9 9 0 0 1 0 20h-7" fill="none" stroke="#fff" stroke-width="6"/>
    <ellipse cx="46" cy="41" rx="26" ry="6" fill="#6b432c"/>`,
  dessert: `${PLATE}<path d="M18 66V44l50-16 16 18v20Z" fill="#f7e3c1"/><path d="M18 44 68 28l16
    18Z" fill="#e27d8b"/><path d="M18 53h66v6H18Z" fill="#e27d8b"/><circle cx="62" cy="27" r="7"
    fill="#c2273d"/><path d="M62 20c1-5 4-8 8-9" stroke="#4d8a3d" stroke-width="2.5" fill="none"/>`,
  ice: `<path d="M34 52 50 94l16-42Z" fill="#dba24f"/><path d="M39 64l16 16M61 64 45 80" stroke="#b97c32"
    stroke-width="2"/><circle cx="38" cy="42" r="15" fill="#f3a5b3"/><circle cx="62" cy="42" r="15"
    fill="#fbf1dc"/><circle cx="50" cy="27" r="15" fill="#a8744f"/>`,
  plate: `<ellipse cx="50" cy="58" rx="44" ry="28" fill="#fff"/><ellipse cx="50" cy="56" rx="32" ry="19"
    fill="#e9ede9"/><path d="M30 54c4-12 20-14 26-4 5 10-10 18-26 4Z" fill="#a35a33"/><g fill="#7cae46">
    <circle cx="62" cy="60" r="6"/><circle cx="70" cy="54" r="6"/></g><circle cx="60" cy="48" r="5"
    fill="#e0a03a"/>`,
};

// The first that is found in the name, or else in the kind, is drawn.
const WORDS = [
  ["taco|tostada|nacho|quesadilla|mexican", "taco"],
  ["burrito|wrap|falafel|shawarma|gyro|kebab|durum|doner|roll up", "burrito"],
  ["ice cream|gelato|sorbet|kulfi|helado|mochi", "ice"],
  ["coffee|ca phe|espresso|latte|cappuccino|chai|tea|cha\\b|hot chocolate", "coffee"],
  ["horchata|agua|juice|lassi|soda|cola|lemonade|water|beer|wine|drink|smoothie|ramune", "drink"],
  ["limonata|kombucha|shake|cerveza|ayran|mate", "drink"],
  ["cake|brownie|tiramisu|churro|flan|pudding|baklava|jamun|cookie|pie|dessert|sweet", "dessert"],
  ["panna|cannoli|donut|crepe|waffle|knafeh|sticky", "dessert"],
  ["pizza|funghi|margherita|marinara|calzone|diavola|italian", "pizza"],
  ["burger|american", "burger"],
  ["sushi|tuna|salmon|maki|nigiri|sashimi|temaki|california|japanese", "sushi"],
  [
    "dumpling|goi cuon|spring roll|gyoza|momo|bao|dim sum|wonton|samosa|pierogi|empanada|ravioli",
    "dumplings",
  ],
  ["noodle|pad thai|udon|soba|lo mein|spaghetti|pasta|penne|tagliatelle|carbonara|thai", "noodles"],
  ["lasagn|gnocchi|dan dan|chow mein|linguine", "noodles"],
  ["ramen|soup|\\bpho\\b|laksa|tom yum|miso|pozole|chowder|broth|bisque|vietnamese", "soup"],
  [
    "curry|moilee|chettinad|chana masala|paneer|dal|daal|korma|vindaloo|tikka|chana|saag|chili|stew|indian",
    "curry",
  ],
  ["tagine|ethiopian|wat\\b", "curry"],
  ["salad|slaw|greens|tabbouleh|caprese|edamame|poke|guacamole|cucumber", "salad"],
  ["\\bfries|chips|wedges|rings|side|elote|poutine", "fries"],
  ["naan|dosa|bread|roti|pita|focaccia|baguette|bun|paratha|toast|bakery|tortilla|injera", "bread"],
  ["sandwich|panini|banh|club|torta|reuben|melt|sub\\b|bagel", "sandwich"],
  ["skewer|yakitori|satay|souvlaki|wings|grill|barbecue|bbq|ribs|chicken|greek", "skewer"],
  [
    "rice|chirashi|bun cha|biryani|bowl|bibimbap|risotto|paella|donburi|jollof|korean|chinese",
    "rice",
  ],
].map(([words, dish]) => [new RegExp(words, "i"), dish]);

const GROUNDS = [
  "#e9b89c",
  "#b9d3b0",
  "#a9cbd6",
  "#e8cf8f",
  "#d7b7cf",
  "#bcc4e4",
  "#e3a69c",
  "#a8d1c3",
];

/** Without accents: "Pho" for "Phở". */
export function plain(text) {
  return text
    .normalize("NFD")
    .replace(/\p{Mark}/gu, "")
    .replaceAll("đ", "d")
    .replaceAll("Đ", "D");
}

/** A drawing of what the words speak of, on a quiet ground; it says nothing to screen readers. */
export function picture(name, kind = "", { isWide = false } = {}) {
  const find = (text) => WORDS.find(([words]) => words.test(plain(text)))?.[1];
  const dish = DISHES[find(name) ?? find(kind) ?? "plate"];
  const ground = GROUNDS[sum(`${name}${kind}`) % GROUNDS.length];
  return isWide ? banner(dish, ground, sum(name)) : square(dish, ground);
}

function square(dish, ground) {
  return drawing(`<svg class="picture" viewBox="-8 -8 116 116" aria-hidden="true">
    <rect x="-8" y="-8" width="116" height="116" fill="${ground}"/>
    <circle cx="50" cy="54" r="50" fill="#fff" fill-opacity=".28"/>${dish}</svg>`);
}

function banner(dish, ground, seed) {
  const shift = seed % 60;
  return drawing(`<svg class="picture" viewBox="0 0 320 140" style="background:${ground}"
    aria-hidden="true">
    <g fill="#fff" fill-opacity=".22"><circle cx="${40 + shift}" cy="130" r="70"/>
    <circle cx="${250 - shift / 2}" cy="10" r="60"/></g>
    <ellipse cx="160" cy="115" rx="70" ry="9" fill="#000" fill-opacity=".1"/>
    <g transform="translate(100 8) scale(1.2)">${dish}</g></svg>`);
}

function sum(text) {
  return [...text].reduce((total, letter) => (total * 31 + letter.codePointAt(0)) % 9973, 7);
}
