// The map: each country with the worst state of its cells.
const WORST_FIRST = ["blocked", "likely_blocked", "degraded", "impaired", "down", "connected", "ok"];
const PATTERN = 6; // pixels
const PATTERNS = { // paths on a square of PATTERN pixels. BLOCKED and OK have none and differ in brightness.
  likely_blocked: "M0 6L6 0", degraded: "M2 3h2", impaired: "M0 0L6 6M0 6L6 0", down: "M0 3h6", connected: "M3 0v6" };
const countryCells = new Map(); // the cells that count, by country
let redrawMap = () => {}; // until there is a map
let countries = []; // the buttons of the map in the order of the keys

function startMap() {
  if (!data.map) return;
  for (const cell of data.cells.filter(({ found }) => found !== null)) {
    const { cc } = data.vantages[cell.v];
    if (!countryCells.has(cc)) countryCells.set(cc, []);
    countryCells.get(cc).push(cell);
  }
  const again = picture(at("map-picture"), drawMap);
  at("map-filters").append(
    choice("Service", data.services, (value) => value, (value) => choose({ mservice: value }), "any service (worst state)"),
    choice("Part of the world", distinct(Object.values(data.map.regions)), (value) => value, (value) => choose({ mpart: value }), "the whole world"));
  at("map").hidden = false;
  redrawMap = () => { showMapChoices(); again(); };
  showMapChoices();
}

/** Let the selects show what is chosen. */
function showMapChoices() {
  const [service, part] = at("map-filters").querySelectorAll("select");
  Object.assign(service, { value: chosen.mservice });
  Object.assign(part, { value: chosen.mpart });
}

allow("mservice", (value) => data.map !== null && data.services.includes(value));
allow("mpart", (value) => data.map !== null && Object.values(data.map.regions).includes(value));
onChange((keys) => { if (keys.includes("mservice") || keys.includes("mpart")) redrawMap(); });

/** Return a country's worst cell among those with enough runs, or among all if none has. */
function worstCell(cc) {
  const chosenCells = (countryCells.get(cc) || []).filter((cell) => !chosen.mservice || data.services[cell.s] === chosen.mservice);
  const sure = chosenCells.filter((cell) => !few(cell));
  const rank = (cell) => WORST_FIRST.indexOf(cell.found);
  return [...(sure.length ? sure : chosenCells)].sort((one, other) => rank(one) - rank(other))[0] || null;
}

function drawMap(width) {
  const { names, outlines, regions, no_code: noCode } = data.map;
  const svg = drawn("svg", { role: "group", "aria-label": "Map of countries by state" });
  const byName = Object.keys(names).sort((one, other) => names[one].localeCompare(names[other]));
  svg.append(drawn("path", { d: noCode, class: "land" }));
  for (const cc of byName.filter((code) => !(code in regions))) {
    const land = drawn("path", { d: outlines[cc], class: "land" });
    land.append(drawn("title", {}, `${names[cc]}: not measured`));
    svg.append(land);
  }
  countries = byName.filter((code) => code in regions).map(drawCountry);
  svg.append(...countries);
  at("map-picture").replaceChildren(svg);
  const box = mapBox();
  const pixel = box[2] / Math.max(1, width);
  svg.setAttribute("viewBox", box.join(" "));
  svg.prepend(patterns("map", pixel), patterns("legend", 1));
  for (const circle of svg.querySelectorAll("circle")) circle.setAttribute("r", 5 * pixel);
  if (countries.length) countries[0].setAttribute("tabindex", "0");
  drawMapLegend();
}

/** Return the button of a country. A country without a cell that counts is grey. */
function drawCountry(cc) {
  const { names, outlines, points } = data.map;
  const cell = worstCell(cc);
  const name = `${names[cc]}: ${cell === null ? "not measured" : `${data.services[cell.s]} at ${data.vantages[cell.v].label}: ${cell.text}`}`;
  const made = drawn("g", { role: "button", tabindex: "-1", "aria-label": name, "data-cc": cc,
    class: `country ${cell === null ? "land" : cell.found}${cell !== null && few(cell) ? " pale" : ""}`,
    ...(cell === null ? {} : { fill: `url(#map-${cell.found})` }) });
  made.append(drawn("title", {}, name));
  if (outlines[cc]) made.append(drawn("path", { d: outlines[cc] }));
  if (points[cc]) made.append(drawn("circle", { cx: points[cc][0], cy: points[cc][1], r: 1 }));
  for (const kind of ["focus", "pointerenter"]) made.addEventListener(kind, () => { at("map-name").textContent = name; });
  made.addEventListener("click", () => openCountry(made, cell));
  made.addEventListener("keydown", (event) => onMapKey(event, made, cell));
  return made;
}

/** Open a cell in the table. A cell that the filters of the table hide stays closed. */
function openCountry(made, cell) {
  const from = rows.flat().find((td) => td.cell === cell);
  if (from) open(from);
  else at("map-name").textContent = `${made.getAttribute("aria-label")}. The table does not show this cell now.`;
}

function onMapKey(event, made, cell) {
  const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const here = countries.indexOf(made);
  const next = { Home: 0, End: countries.length - 1 }[event.key] ?? here + (moves[event.key] || 0);
  if (event.key === "Enter" || event.key === " ") openCountry(made, cell);
  else if (event.key in moves || event.key === "Home" || event.key === "End") {
    const target = countries[next];
    if (!target) return;
    made.setAttribute("tabindex", "-1");
    target.setAttribute("tabindex", "0");
    target.focus();
  } else return;
  event.preventDefault();
}

/** Return the part of the plane that is shown: left, top, width and height. */
function mapBox() {
  const { width, height, regions } = data.map;
  const boxes = countries.filter((made) => chosen.mpart && regions[made.dataset.cc] === chosen.mpart).map((made) => made.getBBox());
  if (!boxes.length) return [0, 0, width, height];
  const [left, top] = [Math.min(...boxes.map((box) => box.x)), Math.min(...boxes.map((box) => box.y))];
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  const wide = Math.max(200, 1.2 * (right - left), (1.2 * (bottom - top) * width) / height);
  const high = (wide * height) / width;
  return [(left + right - wide) / 2, (top + bottom - high) / 2, wide, high];
}

/** Return one pattern per state. `pixel` is the size of a pixel in units of the picture. */
function patterns(name, pixel) {
  const defs = drawn("defs", {});
  for (const state of WORST_FIRST) {
    const pattern = drawn("pattern", { id: `${name}-${state}`, width: PATTERN, height: PATTERN,
      patternUnits: "userSpaceOnUse", patternTransform: `scale(${pixel})` });
    pattern.append(drawn("rect", { width: PATTERN, height: PATTERN, class: `fill-${state}` }));
    if (PATTERNS[state]) pattern.append(drawn("path", { d: PATTERNS[state], class: `hatch-${state}` }));
    defs.append(pattern);
  }
  return defs;
}

function drawMapLegend() {
  const shown = WORST_FIRST.filter((state) => countries.some((made) => made.classList.contains(state)));
  at("map-legend").replaceChildren(
    ...shown.map((state) => swatch(word(state), { class: "country", fill: `url(#legend-${state})` })),
    swatch("not measured", { class: "land" }));
}
