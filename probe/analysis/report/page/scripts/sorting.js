// The order of rows and columns.
const ROW_ORDERS = { [ANY]: "worst first", name: "by name", changed: "most recently changed" };
const COLUMN_ORDERS = { [ANY]: "worst first", region: "by region", name: "by name" };
const ACCUSED = ["blocked", "likely_blocked"];

/** Return how many cells are blocked, how many fail, and how many fail if those with few runs are counted too. */
function badness(cells) {
  const certain = cells.filter((cell) => !few(cell));
  return [certain.filter((cell) => ACCUSED.includes(cell.found)), certain.filter(fails), cells.filter(fails)].map((found) => found.length);
}

/** Return numbers of rows or columns by falling badness of their cells. Equal ones keep their order. */
function worstFirst(numbers, cellsAt) {
  const bad = new Map(numbers.map((number) => [number, badness(cellsAt(number))]));
  const difference = (one, other) => one.map((count, place) => other[place] - count).find((value) => value !== 0) || 0;
  return [...numbers].sort((one, other) => difference(bad.get(one), bad.get(other)));
}

function inRowOrder(services, vantages) {
  const cellsAt = (s) => vantages.map((v) => cellAt(s, v));
  if (chosen.sort === ANY) return worstFirst(services, cellsAt);
  if (chosen.sort !== "changed") return services;
  const changed = new Map(services.map((s) => [s, cellsAt(s).map((cell) => (cell.now && cell.now.since) || "").sort().pop() || ""]));
  return [...services].sort((one, other) => (changed.get(one) < changed.get(other)) - (changed.get(one) > changed.get(other)));
}

function inColumnOrder(services, vantages) {
  const [first, others] = [true, false].map((kind) => vantages.filter((v) => data.vantages[v].baseline === kind));
  if (chosen.columns === ANY) return [...first, ...worstFirst(others, (v) => services.map((s) => cellAt(s, v)))];
  if (chosen.columns !== "name") return vantages;
  const name = (v) => data.vantages[v].label;
  return [...first, ...others.sort((one, other) => (name(one) > name(other)) - (name(one) < name(other)))];
}
