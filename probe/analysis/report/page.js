"use strict";
// Build the page from its JSON. Texts from results files are untrusted, so they become text nodes and never markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const MORE = 200; // rows that are added to the list at a time
  const WORDED = 4; // vantage points up to which a cell has space for words
  const ANY = "";

  /** Return an element with attributes and children. Strings become text nodes. */
  function el(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function drawn(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function table(heads, rows) {
    const body = el("tbody");
    for (const [first, ...others] of rows)
      body.append(el("tr", {}, el("th", { scope: "row" }, first), ...others.map((text) => el("td", {}, text))));
    return el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)))), body);
  }

  const words = { ...data.words, insufficient: "not enough data" };
  const word = (state) => words[state] || state;
  const few = (cell) => cell.found !== null && cell.state === "insufficient";
  const glyph = (cell) => {
    if (cell.found === null) return data.glyphs.gap;
    const letter = data.glyphs[cell.found];
    return few(cell) ? `(${letter})` : letter;
  };
  const counts = (states) => Object.entries(states).map(([state, n]) => `${n} ${word(state)}`).join(", ");
  const targetOf = (service) => service.split("/")[0];
  const byPlace = new Map(data.cells.map((cell) => [cell.s * data.vantages.length + cell.v, cell]));

  // -- filters ---------------------------------------------------------------------------------------------------

  const chosen = { cc: ANY, network: ANY, target: ANY, mechanism: ANY, state: ANY };
  const distinct = (values) => [...new Set(values)].filter((value) => value !== undefined && value !== "").sort();
  const options = {
    cc: ["Country", distinct(data.vantages.map((vantage) => vantage.cc))],
    network: ["Network", distinct(data.vantages.map((vantage) => vantage.asn))],
    target: ["Target", distinct(data.services.map(targetOf))],
    mechanism: ["Mechanism", distinct(data.cells.flatMap((cell) => cell.mechanisms))],
    state: ["State", distinct(data.cells.map((cell) => cell.found || undefined))],
  };
  const named = new Map(data.vantages.map((vantage) => [vantage.asn, vantage.network]));

  function choice(title, values, shown, changed, all = "all") {
    const select = el("select", {}, ...(all === null ? [] : [el("option", { value: ANY }, all)]));
    values.forEach((value) => select.append(el("option", { value }, shown(value))));
    select.addEventListener("change", () => changed(select.value));
    return el("label", {}, title, select);
  }

  function drawFilters() {
    for (const [key, [title, values]] of Object.entries(options)) {
      if (values.length < 2 && key !== "mechanism") continue;
      const shown = (value) => (key === "network" ? `${value} ${named.get(value) || ""}` : key === "state" ? word(value) : value);
      at("filters").append(choice(title, values, shown, (value) => { chosen[key] = value; draw(); }));
    }
    at("filters").hidden = !at("filters").childElementCount;
    at("filters").addEventListener("submit", (event) => event.preventDefault());
  }

  const fits = (cell) =>
    (!chosen.mechanism || cell.mechanisms.includes(chosen.mechanism)) && (!chosen.state || cell.found === chosen.state);

  /** Return the indexes of the services and vantage points that match the filters. */
  function matching() {
    let vantages = data.vantages.map((_, v) => v).filter((v) => {
      const vantage = data.vantages[v];
      return vantage.baseline || ((!chosen.cc || vantage.cc === chosen.cc) && (!chosen.network || vantage.asn === chosen.network));
    });
    let services = data.services.map((_, s) => s).filter((s) => !chosen.target || targetOf(data.services[s]) === chosen.target);
    if (chosen.mechanism || chosen.state) {
      const hits = services.flatMap((s) => vantages.map((v) => cellAt(s, v))).filter(fits);
      services = services.filter((s) => hits.some((cell) => cell.s === s));
      vantages = vantages.filter((v) => hits.some((cell) => cell.v === v));
    }
    return { services, vantages };
  }

  const cellAt = (s, v) => byPlace.get(s * data.vantages.length + v);

  // -- the table of cells ----------------------------------------------------------------------------------------

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

  // -- one cell --------------------------------------------------------------------------------------------------

  function open(from) {
    if (!from || !from.cell) return;
    const row = rows.findIndex((made) => made.includes(from));
    go(row, rows[row].indexOf(from));
    const cell = from.cell;
    at("detail-title").textContent = `${data.services[cell.s]} at ${data.vantages[cell.v].label}`;
    at("detail-body").replaceChildren(...aboutCell(cell), ...aboutVerdict(data.verdicts[cell.witness]));
    at("detail").hidden = false;
    at("detail-title").focus();
    chooseSeries(data.services[cell.s], data.vantages[cell.v].cc);
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

  function aboutCell(cell) {
    const aside = Object.entries(cell.set_aside).map(([reason, n]) => `${n} ${data.reasons[reason] || reason}`).join(", ");
    const networks = cell.networks.map(([asn, name, n, found, since]) =>
      `${asn} ${name}: ${n}, ${found === null ? "not measured in the newest days" : word(found)}${since ? ` since ${since}` : ""}`).join("; ");
    return [
      el("p", {}, el("strong", {}, cell.text)),
      facts([
        ["Mechanisms", cell.mechanisms.join(", ")],
        ["Counted measurements", `${cell.n}${cell.n ? ": " + counts(cell.by_state) : ""}`],
        ["Not counted", aside],
        ["Users", cell.n ? `${cell.reporters_max} at most` : ""],
        ["Networks", networks + (cell.more_networks ? `; and ${cell.more_networks} more` : "")],
        ["Newest days", cell.now ? `${cell.now.first} to ${cell.now.last}: ${counts(cell.now.runs)} (runs)` : ""],
        ["Days that fail", cell.now && cell.now.days ? `${cell.now.failing_days} of ${cell.now.days} network-days, ${percent(cell.now.low)} to ${percent(cell.now.high)}` : ""],
        ["Difference", difference(cell.difference)],
      ]),
    ];
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
      ]),
    ];
    if (verdict.endpoints.length)
      made.push(el("h3", {}, "Evidence by endpoint"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Evidence by endpoint" }, table(
        ["endpoint", "state", "mechanisms", "deepest success", "rule", "transactions"],
        verdict.endpoints.map((row) => [row[0], word(row[1]), row[2], row[3], row[4], row[5]]))));
    if (verdict.evidence.length) made.push(el("h3", {}, "What was tried"), el("ul", {}, ...verdict.evidence.map((text) => el("li", {}, text))));
    return made;
  }

  // -- over time -------------------------------------------------------------------------------------------------

  const timed = { service: "", cc: "" };
  const isTimed = () => data.days.length > 1 && data.series.length > 0;

  function drawTimeFilters() {
    const services = distinct(data.series.map((one) => one.service));
    const countries = distinct(data.series.map((one) => one.cc));
    const plain = (value) => value;
    at("time-filters").append(
      choice("Service", services, plain, (value) => chooseSeries(value, timed.cc), null),
      choice("Country", countries, plain, (value) => chooseSeries(timed.service, value), null));
    at("time").hidden = false;
    chooseSeries(data.series[0].service, data.series[0].cc);
  }

  function chooseSeries(service, cc) {
    if (!isTimed()) return;
    timed.service = service;
    timed.cc = data.series.some((one) => one.service === service && one.cc === cc) ? cc : (data.series.find((one) => one.service === service) || {}).cc;
    const [first, second] = at("time-filters").querySelectorAll("select");
    first.value = service;
    second.value = timed.cc;
    drawSeries();
  }

  function drawSeries() {
    const one = data.series.find(({ service, cc }) => service === timed.service && cc === timed.cc);
    const points = new Map((one ? one.points : []).map(([day, ...numbers]) => [day, numbers]));
    const marks = data.events.filter((event) => event.cc === timed.cc && (event.service === timed.service || event.service === null));
    const highest = Math.max(1, ...[...points.values()].flatMap(([accusing, ok]) => [accusing, ok]));
    const step = Math.max(6, Math.min(24, Math.floor(900 / data.days.length)));
    const [width, middle, half] = [Math.max(320, data.days.length * step + 20), 120, 80];
    const svg = drawn("svg", { width, height: 240, viewBox: `0 0 ${width} 240`, role: "img", "aria-label": `${timed.service} in ${timed.cc} by day. The table below has the same numbers.` });
    const bar = (day, from, height, kind) => svg.append(drawn("rect", { x: 10 + day * step + 1, y: from, width: step - 2, height: Math.max(1, height), class: kind }));
    for (const [day, [accusing, ok]] of points) {
      if (accusing) bar(day, middle - (half * accusing) / highest, (half * accusing) / highest, "bar-accusing");
      if (ok) bar(day, middle, (half * ok) / highest, "bar-ok");
    }
    svg.append(drawn("line", { x1: 10, x2: width - 10, y1: middle, y2: middle, class: "axis" }));
    const edges = edgesOf(marks);
    [...edges.keys()].forEach((day, number) => {
      const x = 10 + data.days.indexOf(day) * step;
      svg.append(drawn("line", { x1: x, x2: x, y1: 30, y2: 205, class: "mark" }),
        drawn("text", { x, y: number % 2 ? 26 : 13, "text-anchor": "middle" }, String(number + 1)));
    });
    at("time-marks").replaceChildren(...[...edges].map(([day, texts]) => el("li", {}, `${day}: ${[...texts].join("; ")}`)));
    svg.append(drawn("text", { x: 10, y: 228 }, data.days[0]),
      drawn("text", { x: width - 10, y: 228, "text-anchor": "end" }, data.days[data.days.length - 1]));
    at("time-picture").replaceChildren(svg);
    at("time-table").replaceChildren(table(["day", "blocked or works badly", "works", "neither", "begins or ends"], data.days.map((day, number) => {
      const numbers = points.get(number);
      const changes = marks.flatMap((event) => [event.onset === day ? "begins" : "", event.end === day ? "ends" : ""]).filter(Boolean).join(", ");
      return [day, ...(numbers ? numbers.map(String) : ["not measured", "", ""]), changes];
    })));
  }

  /** Return the texts for what begins or ends, by day in order. The chart has space for numbers only. */
  function edgesOf(events) {
    const edges = new Map();
    for (const event of events) {
      const what = event.mechanism || "interference";
      const [begins, ends] = event.service === null ? ["measurements go missing", "measurements are back"] : [`${what} begins`, `${what} ends`];
      for (const [day, text] of [[event.onset, begins], [event.end, ends]])
        if (data.days.includes(day)) edges.set(day, (edges.get(day) || new Set()).add(text));
    }
    return new Map([...edges].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  // -- the list --------------------------------------------------------------------------------------------------

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

  drawFilters();
  draw();
  if (isTimed()) drawTimeFilters();
  at("list").hidden = false;
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
