// The controls above the table.
const distinct = (values) => [...new Set(values)].filter((value) => value !== undefined && value !== "").sort();
const options = {
  cc: ["Country", distinct(data.vantages.map((vantage) => vantage.cc))],
  network: ["Network", distinct(data.vantages.map((vantage) => vantage.asn))],
  target: ["Target", distinct(data.services.map(targetOf))],
  mechanism: ["Mechanism", distinct(data.cells.flatMap((cell) => cell.mechanisms))],
  state: ["State", distinct(data.cells.map((cell) => cell.found || undefined))],
};
const networkNames = new Map(data.vantages.map((vantage) => [vantage.asn, vantage.network]));
const countryNames = new Map(data.vantages.map((vantage) => [vantage.cc, vantage.country]));
const optionNames = { network: (asn) => networkNames.get(asn), cc: (cc) => (countryNames.get(cc) === cc ? "" : countryNames.get(cc)) };
const controls = {}; // by key, the select or input that shows what is chosen

function choice(title, values, shown, changed, all = "all") {
  const select = el("select", {}, ...(all === null ? [] : [el("option", { value: ANY }, all)]));
  values.forEach((value) => select.append(el("option", { value }, shown(value))));
  select.addEventListener("change", () => changed(select.value));
  return el("label", {}, title, select);
}

/** Add a control, and let it show what is chosen. */
function addControl(key, label) {
  controls[key] = label.querySelector("select, input");
  if (key === "q") at("filters").prepend(label);
  else at("more-filters").append(label);
}

function addOrder(key, title, orders) {
  const { [ANY]: usual, ...others } = orders;
  allow(key, (value) => Object.hasOwn(others, value));
  addControl(key, choice(title, Object.keys(others), (value) => others[value], (value) => choose({ [key]: value }), usual));
}

function addInput(key, title, attributes, event, replace) {
  const input = el("input", attributes);
  input.addEventListener(event, () => choose({ [key]: input.value }, replace()));
  addControl(key, el("label", {}, title, input));
}

function drawFilters() {
  allow("q", (value) => value.length <= MOST_SEARCHED);
  addInput("q", "Search", { type: "search", maxlength: String(MOST_SEARCHED), placeholder: "service, country, network, mechanism" }, "input", () => chosen.q !== ANY);
  for (const [key, [title, values]] of Object.entries(options)) {
    allow(key, (value) => values.includes(value));
    if (values.length < 2 && key !== "mechanism") continue;
    const shown = (value) => (key === "state" ? word(value) : key in optionNames ? `${value} ${optionNames[key](value) || ""}` : value);
    addControl(key, choice(title, values, shown, (value) => choose({ [key]: value })));
  }
  addOrder("sort", `Order of ${data.row}s`, ROW_ORDERS);
  addOrder("columns", "Order of vantage points", COLUMN_ORDERS);
  if (data.days.length > 1)
    for (const [key, title] of [["since", "Pictures and events since"], ["until", "until (day not included)"]])
      addInput(key, title, { type: "date", max: "9999-12-31", "aria-describedby": "period-note" }, "change", () => false);
  at("period-note").hidden = data.days.length < 2;
  at("filter-details").open = !onPhone();
  at("filters").hidden = false;
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("reset").addEventListener("click", () => choose(Object.fromEntries(Object.keys(chosen).map((key) => [key, ANY]))));
}

function showChoices() {
  for (const [key, control] of Object.entries(controls)) if (control.value !== chosen[key]) control.value = chosen[key];
  at("reset").hidden = Object.values(chosen).every((value) => value === ANY);
}

onChange(showChoices);
