// The table of cells: services by vantage points.
let rows = []; // the table cells by row, for the arrow keys
let here = [0, 0];

function draw() {
  const { services, vantages } = matching();
  const corner = el("th", { scope: "col" }, data.row);
  const heads = vantages.map((v) => {
    const { label, network } = data.vantages[v];
    return el("th", { scope: "col" }, label, ...(network ? [el("span", { class: "net" }, network)] : []));
  });
  const body = el("tbody");
  rows = services.map((s) => {
    const made = vantages.map((v) => drawCell(cellAt(s, v), vantages.length <= WORDED));
    body.append(el("tr", {}, el("th", { scope: "row" }, data.services[s]), ...made));
    return made;
  });
  const grid = el("table", { role: "grid", id: "grid", "aria-labelledby": "picture", class: vantages.length > 6 ? "many" : vantages.length <= WORDED ? "worded" : "" },
    el("thead", {}, el("tr", {}, corner, ...heads)), body);
  grid.addEventListener("click", (event) => open(event.target.closest("td")));
  grid.addEventListener("keydown", onKey);
  at("scroll").replaceChildren(grid);
  here = [0, 0];
  if (rows.length && rows[0].length) rows[0][0].tabIndex = 0;
  at("shown").textContent = `${services.length} of ${data.services.length} ${data.row}s, ${vantages.length} of ${data.vantages.length} vantage points shown.`;
  at("keys").hidden = false;
  if (at("list-details").open) drawList();
}

function drawCell(cell, worded) {
  const name = `${data.services[cell.s]}, ${data.vantages[cell.v].label}: ${cell.text}`;
  const made = el("td", { tabindex: "-1", "aria-label": name, title: name,
    class: `cell ${cell.found || "gap"}${few(cell) ? " few" : ""}` }, worded ? cell.text : glyph(cell));
  if (worded && cell.mechanisms.length) made.append(el("span", { class: "how" }, cell.mechanisms.join(", ")));
  made.cell = cell;
  return made;
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
}
