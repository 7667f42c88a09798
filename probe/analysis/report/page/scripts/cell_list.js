// Every cell as a table.
let listed = [];
let limit = MORE;

function drawList() {
  const { services, vantages } = matching();
  listed = services.flatMap((s) => vantages.map((v) => cellAt(s, v))).filter(fits);
  const part = listed.slice(0, limit).map((cell) => [
    data.services[cell.s], data.vantages[cell.v].label, data.vantages[cell.v].network || "", cell.text, cell.mechanisms.join(", "),
    String(cell.n), String(cell.reporters_max), cell.difference === null ? "" : cell.difference.p_value.toPrecision(2),
    cell.witness === null ? "" : `${data.verdicts[cell.witness].file}:${data.verdicts[cell.witness].line}`]);
  at("list-table").replaceChildren(table([data.row, "vantage point", "network", "state", "mechanisms", "n", "users at most", "p", "example measurement"], part));
  at("list-more").hidden = listed.length <= limit;
  at("list-more").textContent = `Show more (${Math.min(limit, listed.length)} of ${listed.length} shown)`;
}

at("list-details").addEventListener("toggle", () => { if (at("list-details").open) drawList(); });
at("list-more").addEventListener("click", () => { limit += MORE; drawList(); });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || at("detail").hidden) return;
  at("detail").hidden = true;
  const back = rows[here[0]] && rows[here[0]][here[1]];
  if (back) back.focus();
});
