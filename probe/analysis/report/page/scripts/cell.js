// One cell that was opened.
const labels = data.vantages.map(({ label }, v, all) => {
  const same = all.slice(0, v).filter((other) => other.label === label).length;
  return same ? `${label}~${same + 1}` : label;
});
const keyOf = (cell) => `${data.services[cell.s]}~${labels[cell.v]}`;

/** Return the cell of a key such as `telegram/web~IR AS64500`, or undefined. */
function cellOf(key) {
  for (const [s, service] of data.services.entries()) {
    const v = key.startsWith(`${service}~`) ? labels.indexOf(key.slice(service.length + 1)) : -1;
    if (v >= 0) return cellAt(s, v);
  }
  return undefined;
}

/** Open the cell of a table cell. */
function open(from) {
  if (!from || !from.cell) return;
  if (chosen.cell === keyOf(from.cell)) showOpened();
  else choose({ cell: keyOf(from.cell), ...NO_SERIES });
}

/** Show the cell that is chosen, or close the one that was shown. */
function showOpened() {
  const cell = cellOf(chosen.cell);
  at("detail").hidden = !cell;
  if (!cell) {
    markOpened();
    const back = rows[here[0]] && rows[here[0]][here[1]];
    if (back) back.focus();
    return;
  }
  at("detail-title").textContent = `${data.services[cell.s]} at ${data.vantages[cell.v].name}`;
  at("detail-body").replaceChildren(...aboutCell(cell), aboutLink(cell), ...aboutVerdict(verdictOf(cell)));
  markOpened(); // before it gets the focus, since it can be folded
  go(shown.services.indexOf(cell.s), shown.vantages.indexOf(cell.v));
  at("detail-title").focus();
}

/** Mark the opened cell in the table, if it is there. */
function markOpened() {
  const cell = cellOf(chosen.cell);
  const made = cell && (rows[shown.services.indexOf(cell.s)] || [])[shown.vantages.indexOf(cell.v)];
  for (const marked of at("grid").querySelectorAll("[aria-selected]")) if (marked !== made) marked.removeAttribute("aria-selected");
  if (made) made.setAttribute("aria-selected", "true");
  if (made) made.parentElement.classList.add("open");
}

/** Return the cell's own link, with a button that copies it. */
function aboutLink(cell) {
  const link = el("a", { href: fragmentOf({ cell: keyOf(cell) }), id: "cell-link" }, "Link to this cell");
  const said = el("span", { role: "status" });
  const button = el("button", { type: "button" }, "Copy link");
  button.addEventListener("click", () => navigator.clipboard.writeText(link.href).then(
    () => { said.textContent = "The link was copied."; },
    () => { said.textContent = "The browser did not allow to copy. Copy the link with its own menu."; }));
  return el("p", { class: "link" }, link, ...(navigator.clipboard ? [button, said] : []));
}

function facts(pairs) {
  const list = el("dl");
  for (const [name, value] of pairs) if (value !== "" && value !== null && value !== undefined) list.append(el("dt", {}, name), el("dd", {}, value));
  return list;
}

const percent = (share) => `${Math.round(100 * share)} %`;

/** Return the comparison with the baseline in words. */
function difference(found) {
  if (found === null) return "";
  const ratio = found.odds_ratio;
  const odds = ratio === null ? "" : `Odds ratio ${ratio.estimate.toPrecision(2)} (${ratio.low.toPrecision(2)} to ${ratio.high.toPrecision(2)}), `;
  const words = found.direction === null ? "Not clearly less often than at" : "Works less often than at";
  return `${words} ${data.baseline}. Sources that fail: ${found.failing_sources} of ${found.sources} here, `
    + `${found.baseline_failing_sources} of ${found.baseline_sources} there. `
    + `${odds}p = ${found.p_value.toPrecision(2)}.`;
}

/** Return the ratios of the service's throughput and that of compared transfers, in words. */
function throughput(found) {
  if (found === null) return "";
  return `Data of the service came at ${percent(found.median)} of the speed of the transfers that were compared with it, in the median of ${found.runs} run${found.runs === 1 ? "" : "s"} `
    + `(intervals of 95 %: ${percent(found.low)} to ${percent(found.high)}). ${found.limited} of them show a limit.`;
}

/** Return the age at which connections to the service ended, in words. */
function cutoff(found) {
  if (found === null) return "";
  const seconds = (age) => `${age.toFixed(1)} s`;
  return `Connections to the service ended after ${seconds(found.median)}, in the median of ${found.runs} run${found.runs === 1 ? "" : "s"} `
    + `(intervals: ${seconds(found.low)} to ${seconds(found.high)}).`;
}

/** Return the figures of call packets in words. */
function calls(found) {
  if (found === null) return "";
  const parts = [
    [found.rate, (rate) => `${Math.round(rate / 1000)} kbit/s`], [found.loss, (loss) => `${percent(loss)} of the packets lost`],
    [found.late, (late) => `${percent(late)} of the packets late`], [found.delay, (delay) => `${delay.toFixed(1)} s more delay`],
    [found.mos, (mos) => `mean opinion score ${mos.toFixed(1)} of 4.5`]];
  return `${parts.filter(([value]) => value !== null).map(([value, words]) => words(value)).join(", ")}. These are medians of ${found.runs} failing run${found.runs === 1 ? "" : "s"}.`;
}

function aboutCell(cell) {
  const aside = Object.entries(cell.set_aside).map(([reason, n]) => `${n} ${data.reasons[reason] || reason}`).join(", ");
  const networks = cell.networks.map(([asn, name, n, found, since]) =>
    `${asn} ${name}: ${n}, ${found === null ? "not measured in the newest days" : word(found)}${since ? ` since ${since}` : ""}`).join("; ");
  return [
    el("p", {}, el("strong", {}, cell.text)),
    facts([
      ["Since", cell.now ? cell.now.since || "no change was seen" : ""],
      ["Whole network", Object.entries(cell.whole_network).map(([regime, n]) => `In ${n} of the failing runs: ${regime}. ${data.regimes[regime]}`).join(" ")],
      ["Throughput", throughput(cell.throughput)],
      ["Connections end", cutoff(cell.cutoff)],
      ["Calls", calls(cell.calls)],
      ["Blocked in part", cell.partial.join("; ")],
      ["Mechanisms", cell.mechanisms.join(", ")],
      ["Counted measurements", `${cell.n}${cell.n ? ": " + counts(cell.by_state) : ""}`],
      ["Not counted", aside],
      ["Users", cell.n ? `${cell.reporters_max} at most` : ""],
      ["Networks that fail", cell.now ? `${cell.now.failing} of ${cell.now.networks}` : ""],
      ["Networks", networks + (cell.more_networks ? `; and ${cell.more_networks} more` : "")],
      ["Newest days", cell.now ? `${cell.now.first} to ${cell.now.last}: ${counts(cell.now.runs)} (runs)` : ""],
      ["Days that fail", cell.now && cell.now.days ? `${cell.now.failing_days} of ${cell.now.days} network-days, ${percent(cell.now.low)} to ${percent(cell.now.high)}` : ""],
      ["False discovery rate", cell.q_value === null || !fails(cell) ? "" : `${percent(cell.q_value)}: so many of the cells with such failures fail by accident`],
      ["Difference", difference(cell.difference)],
    ]),
  ];
}

/** Return a link to the evidence of a measurement where a server has it, else the command that shows it. */
function evidenceLink(id) {
  if (document.querySelector("main").dataset.measurements === undefined) return id && `probe why ${id} --store STORE`;
  const token = new URLSearchParams(location.search).get("token");
  return el("a", { href: `/measurement?${new URLSearchParams({ id, ...(token ? { token } : {}) })}` }, "Evidence of this measurement");
}

function aboutVerdict(verdict) {
  if (!verdict) return [el("p", {}, "This was not measured here. A gap is not OK.")];
  const made = [
    el("h3", {}, verdict.state === "" ? "Newest measurement, which is not valid" : "Newest measurement with this result"),
    el("p", {}, verdict.because),
    facts([
      ["Verdict", `${word(verdict.state) || verdict.invalid_reason}, rule ${verdict.rule_id} (ruleset ${verdict.ruleset})`],
      ["Mechanisms", verdict.mechanisms], ["Also seen", verdict.anomalies], ["Deepest success", verdict.proof],
      ["Attempts in this network", `${verdict.failures} of ${verdict.attempts} failed`],
      ["Test helper outside", verdict.controls ? `${verdict.control_successes} of ${verdict.controls} attempts worked` : "no usable answer"],
      ["Interfering hop", verdict.hop],
      ["Measured", `${verdict.time}, ${verdict.software}`],
      ["Example measurement", `${verdict.file}, line ${verdict.line}`],
      ["Evidence", evidenceLink(verdict.id)],
    ]),
  ];
  if (verdict.endpoints.length)
    made.push(el("h3", {}, "Evidence by endpoint"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Evidence by endpoint" }, table(
      ["endpoint", "state", "mechanisms", "deepest success", "rule", "transactions"],
      verdict.endpoints.map((row) => [row[0], word(row[1]), row[2], row[3], row[4], row[5]]))));
  return made;
}

const close = () => choose({ cell: ANY });
at("detail-close").addEventListener("click", close);
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !at("detail").hidden) close(); });
allow("cell", (key) => cellOf(key) !== undefined);
onChange((keys) => {
  if (keys.includes("cell")) showOpened();
  else if (at("grid")) markOpened(); // A link can choose something before the table is drawn.
});
