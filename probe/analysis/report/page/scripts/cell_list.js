// Every cell as a table.
const MORE = 200; // rows that are added to the list at a time
let limit = MORE;

function drawList() {
  const listed = listedCells();
  const part = listed.slice(0, limit).map((cell) => [
    data.services[cell.s], el("a", { href: fragmentOf({ cell: keyOf(cell) }) }, data.vantages[cell.v].name), data.vantages[cell.v].network || "",
    cell.text, (cell.now && cell.now.since) || "", cell.now ? `${cell.now.failing} of ${cell.now.networks}` : "", cell.mechanisms.join(", "),
    String(cell.n), String(cell.reporters_max), cell.difference === null ? "" : cell.difference.p_value.toPrecision(2), exampleOf(cell)]);
  at("list-table").replaceChildren(table([data.row, "vantage point", "network", "state", "since", "networks that fail", "mechanisms",
    "n", "users at most", "p", "example measurement"], part));
  at("list-more").hidden = listed.length <= limit;
  at("list-more").textContent = `Show more (${Math.min(limit, listed.length)} of ${listed.length} shown)`;
}

function exampleOf(cell) {
  const verdict = verdictOf(cell);
  return verdict === null ? "" : `${verdict.file}:${verdict.line}`;
}

at("list-details").addEventListener("toggle", () => { if (at("list-details").open) drawList(); });
at("list-more").addEventListener("click", () => { limit += MORE; drawList(); });
onChange((keys) => { if (at("list-details").open && keys.some((key) => GRID_KEYS.includes(key))) drawList(); });
