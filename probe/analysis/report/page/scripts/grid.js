// The table of cells: services by vantage points.
const GRID_KEYS = ["cc", "network", "target", "mechanism", "state", "q", "sort", "columns"];
const STEPS = 8; // lengths of the bar
const MOST_FOLDED = 3; // cells of a service that fail and are shown on a phone while its row is folded
const NARROWING = ["cc", "network", "target", "mechanism", "state", "q"];
let rows = []; // the table cells by row, for the arrow keys
let here = [0, 0];

function draw() {
  shown = matching();
  const { services, vantages } = shown;
  rows = drawRows(services, vantages);
  const grid = drawGrid(services, vantages, rows, { role: "grid", id: "grid" });
  grid.addEventListener("click", (event) => open(event.target.closest("td")));
  grid.addEventListener("keydown", onKey);
  at("scroll").replaceChildren(grid);
  drawUnfold(grid, services);
  here = [0, 0];
  if (rows.length && rows[0].length) rows[0][0].tabIndex = 0;
  at("shown").textContent = `${services.length} of ${data.services.length} ${data.row}s, ${vantages.length} of ${data.vantages.length} vantage points shown.`;
  at("keys").hidden = false;
}

const drawRows = (services, vantages) =>
  services.map((s) => vantages.map((v) => drawCell(cellAt(s, v), vantages.length <= WORDED || onPhone())));

function drawGrid(services, vantages, drawnRows, attributes) {
  const kind = vantages.length > 6 ? "many" : vantages.length <= WORDED ? "worded" : "";
  const body = el("tbody", {}, ...services.map((s, row) => drawRow(s, drawnRows[row])));
  const regions = drawRegions(vantages);
  const corner = el("th", { scope: "col", class: "corner", rowspan: regions.length ? "2" : "1" }, data.row);
  const heads = vantages.map(drawHead);
  const head = el("thead", {}, ...(regions.length ? [el("tr", {}, corner, ...regions), el("tr", {}, ...heads)] : [el("tr", {}, corner, ...heads)]));
  return el("table", { "aria-labelledby": "picture", class: `stacked ${kind}`, ...attributes }, head, body);
}

/** Return a row. On a phone its cells that do not fail are folded, and those beyond the first that fail. */
function drawRow(s, cells) {
  const made = el("tr", {}, el("th", { scope: "row" }, ...breakable(data.services[s])), ...cells);
  const bad = cells.filter(({ cell }) => fails(cell));
  const kept = new Set(bad.slice(0, MOST_FOLDED));
  for (const cell of cells) if (!kept.has(cell)) cell.dataset.folds = "";
  if (!bad.length) made.classList.add("fine");
  const more = cells.filter((one) => !kept.has(one) && one.cell.found !== null).length;
  if (more && onPhone()) made.firstChild.append(unfoldButton(`Show ${more} more vantage point${more === 1 ? "" : "s"}`, () => made.classList.add("open")));
  return made;
}

function unfoldButton(text, unfold) {
  const button = el("button", { type: "button", class: "unfold" }, text);
  button.addEventListener("click", () => { unfold(); button.remove(); });
  return button;
}

/** Fold the table on a phone, except if filters have chosen what it shows. */
function drawUnfold(grid, services) {
  const fine = [...grid.querySelectorAll("tr.fine")].length;
  grid.classList.toggle("folded", NARROWING.every((key) => chosen[key] === ANY));
  const button = at("unfold-fine");
  button.hidden = !fine || !grid.classList.contains("folded");
  button.textContent = fine === services.length ? `Show all ${fine} ${data.row}s. None fails.` : `Show ${fine} more ${data.row}${fine === 1 ? "" : "s"} that fail nowhere`;
  button.onclick = () => { grid.classList.add("all"); button.hidden = true; };
}

function drawHead(v) {
  const { name, network } = data.vantages[v];
  return el("th", { scope: "col", title: `${name} ${network}` }, name, ...(network ? [el("span", { class: "net" }, network)] : []));
}

/** Return the headers of the regions. There are none if the columns are in another order or no region is known. */
function drawRegions(vantages) {
  if (chosen.columns !== "region" || !vantages.some((v) => data.vantages[v].region)) return [];
  const spans = [];
  for (const { region, baseline } of vantages.map((v) => data.vantages[v])) {
    const text = baseline ? "baseline" : region || "unknown region";
    if (spans.length && spans[spans.length - 1].text === text) spans[spans.length - 1].columns += 1;
    else spans.push({ text, columns: 1 });
  }
  return spans.map(({ text, columns }) => el("th", { scope: "colgroup", colspan: String(columns), class: "region" }, el("span", {}, text)));
}

/** Return the classes of a cell: its state, how certain it is, and the share of its networks that fail. */
function classOf({ found, now, state }) {
  if (found === null) return "cell gap";
  const width = 100 * (now.high - now.low);
  const certain = state === "insufficient" ? "few" : width <= data.widths.sure ? "sure" : width <= data.widths.fair ? "fair" : "unsure";
  return `cell ${found} ${certain} share${shareStep(now)}`;
}

/** Return the length of the bar. It is none or full only if no network or every network fails. */
function shareStep({ failing, networks }) {
  if (!failing || failing === networks) return failing ? STEPS : 0;
  return Math.min(STEPS - 1, Math.max(1, Math.round((STEPS * failing) / networks)));
}

const nameOf = (cell) => `${data.services[cell.s]}, ${data.vantages[cell.v].name}: ${cell.text}`;

function drawCell(cell, worded) {
  const made = document.createElement("td");
  made.className = classOf(cell);
  made.tabIndex = -1;
  made.setAttribute("aria-label", nameOf(cell));
  made.dataset.head = data.vantages[cell.v].name; // CSS shows it on narrow screens
  made.textContent = worded ? cell.text : glyph(cell);
  if (worded && cell.mechanisms.length) made.append(el("span", { class: "how" }, cell.mechanisms.join(", ")));
  made.cell = cell;
  return made;
}

/** Give a cell its tooltip when it is needed. A large table has no time for all of them. */
function showTooltip(event) {
  const made = event.target.closest("td");
  if (made && made.cell) made.title = nameOf(made.cell);
}

function onKey(event) {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const [row, column] = here;
  if (event.key === "Enter" || event.key === " ") open(event.target.closest("td"));
  else if (event.key === "Home") go(row, 0);
  else if (event.key === "End") go(row, rows[row].length - 1);
  else if (event.key in moves) go(row + moves[event.key][0], column + moves[event.key][1]);
  else return;
  event.preventDefault();
}

function go(row, column) {
  const next = rows[row] && rows[row][column];
  if (!next) return;
  rows[here[0]][here[1]].tabIndex = -1;
  here = [row, column];
  next.tabIndex = 0;
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}

at("scroll").addEventListener("pointerover", showTooltip);
matchMedia(`(max-width: ${PHONE}px)`).addEventListener("change", () => { if (at("grid")) { draw(); markOpened(); } });
onChange((keys) => { if (keys.some((key) => GRID_KEYS.includes(key))) draw(); });
