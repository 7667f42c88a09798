// Files of the cells that are shown.
const sum = (counts) => Object.values(counts).reduce((total, n) => total + n, 0);
const ofNow = (key) => (cell) => (cell.now === null ? null : cell.now[key]);
const ofDifference = (key) => (cell) => (cell.difference === null ? null : cell.difference[key]);
const ofThroughput = (key) => (cell) => (cell.throughput === null ? null : cell.throughput[key]);
const ofCutoff = (key) => (cell) => (cell.cutoff === null ? null : cell.cutoff[key]);
const ofVerdict = (key) => (cell, verdict) => (verdict === null ? null : verdict[key]);
const FIELDS = [
  ["service", "text", (cell) => data.services[cell.s]],
  ["vantage", "text", (cell) => data.vantages[cell.v].label],
  ...["cc", "country", "region", "asn", "network"].map((key) => [key, "text", (cell) => data.vantages[cell.v][key]]),
  ...["state", "found", "text"].map((key) => [key, "text", (cell) => cell[key]]),
  ["mechanisms", "text", (cell) => cell.mechanisms.join(" ")],
  ...["since", "first", "last"].map((key) => [key, "text", ofNow(key)]),
  ...["networks", "failing", "days", "failing_days"].map((key) => [key, "whole", ofNow(key)]),
  ...["low", "high"].map((key) => [key, "fraction", ofNow(key)]),
  ...["n", "runs", "reporters_max"].map((key) => [key, "whole", (cell) => cell[key]]),
  ...["median", "low", "high"].map((key) => [`throughput_${key}`, "fraction", ofThroughput(key)]),
  ...["median", "low", "high"].map((key) => [`cutoff_${key}`, "fraction", ofCutoff(key)]),
  ["whole_network", "whole", (cell) => sum(cell.whole_network)],
  ["not_counted", "whole", (cell) => sum(cell.set_aside)],
  ["direction", "text", ofDifference("direction")],
  ["p_value", "fraction", ofDifference("p_value")],
  ["example_file", "text", ofVerdict("file")],
  ["example_line", "whole", ofVerdict("line")],
];
const FORMATS = {
  CSV: ["csv", "text/csv", (records) => csvOf(FIELDS, records)],
  JSON: ["json", "application/json", (records) => JSON.stringify(records.map((values) => Object.fromEntries(values.map((value, place) => [FIELDS[place][0], value]))))],
  Parquet: ["parquet", "application/vnd.apache.parquet", (records) => parquetOf(FIELDS, records, data.software)],
};

/** Return the rows of the files: one for each cell that matches the filters. */
function recordsShown() {
  return listedCells().map((cell) => {
    const verdict = verdictOf(cell);
    return FIELDS.map(([, , value]) => value(cell, verdict));
  });
}

function download([ending, type, write]) {
  const address = URL.createObjectURL(new Blob([write(recordsShown())], { type }));
  el("a", { href: address, download: `cells-${data.made.slice(0, 10)}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function drawDownloads() {
  for (const [name, format] of Object.entries(FORMATS)) {
    const button = el("button", { type: "button" }, name);
    button.addEventListener("click", () => download(format));
    at("downloads").append(button);
  }
  at("downloads").hidden = false;
}
