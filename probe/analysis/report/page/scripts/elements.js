// Elements, words and glyphs that the other scripts use. Texts from results files are untrusted, so they become text nodes.
const data = JSON.parse(document.getElementById("data").textContent);
data.cells = [...Array(data.cells.length).keys()].map((number) => unpacked(data.cells, number));
const at = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const WORDED = 4; // vantage points up to which a cell has space for words
const ANY = "";
const PHONE = 640; // pixels up to which problems are shown first, and the rest is folded
const onPhone = () => window.innerWidth <= PHONE;
if (onPhone()) for (const part of document.querySelectorAll("details.fold")) part.open = false; // before pictures are drawn

/** Return one of the rows that `packed_rows.py` packed. */
function unpacked({ columns }, number) {
  const row = {};
  for (const name in columns) {
    const { values, places } = columns[name];
    row[name] = values[places === null ? number : places[number]];
  }
  return row;
}

/** Return an element with attributes and children. Strings become text nodes. */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return the parts of a name with places between them at which a line can end. */
const breakable = (name) => (name.match(/[^/_]+[/_]*|[/_]+/g) || []).flatMap((part) => [part, el("wbr")]);

function drawn(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function table(heads, rows) {
  const body = el("tbody");
  for (const [first, ...others] of rows)
    body.append(el("tr", {}, el("th", { scope: "row" }, first), ...others.map((text, column) => el("td", { "data-head": heads[column + 1] }, text))));
  return el("table", { class: "stacked" }, el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)))), body);
}

const words = { ...data.words, insufficient: "not enough data" };
const word = (state) => words[state] || state;
const few = (cell) => cell.found !== null && cell.state === "insufficient";
const glyph = (cell) => {
  if (cell.found === null) return data.glyphs.gap;
  const letter = data.glyphs[cell.found] + (Object.keys(cell.whole_network).length ? "°" : "") + (cell.partial.length ? "½" : "");
  return few(cell) ? `(${letter})` : worse(cell) ? `${letter}*` : letter;
};
const counts = (states) => Object.entries(states).map(([state, n]) => `${n} ${word(state)}`).join(", ");
const targetOf = (service) => service.split("/")[0];
const cellAt = (s, v) => data.cells[s * data.vantages.length + v]; // cells are in this order
const verdictOf = (cell) => (cell.witness === null ? null : unpacked(data.verdicts, cell.witness));
const worse = (cell) => cell.difference !== null && cell.difference.direction !== null;
const fails = (cell) => data.failing.includes(cell.found) || cell.partial.length > 0;

/** Open the folded parts of the page around an element. */
function unfoldAround(element) {
  for (let part = element.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
}
