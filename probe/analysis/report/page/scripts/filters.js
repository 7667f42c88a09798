// The filters above the table, and what matches them.
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
