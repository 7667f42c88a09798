// What matches the filters and the search.
const MOST_SEARCHED = 200; // characters
const plain = (...texts) => texts.join(" ").normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const rowTexts = data.services.map((service) => plain(service));
const columnTexts = data.vantages.map(({ name, network, region }) => plain(name, network, region));
const codes = new Set(data.vantages.map((vantage) => vantage.cc));
let shown = { services: [], vantages: [] }; // the rows and columns of the table, in order

/** Return a function that finds a word of the search in a cell. Two capital letters are a country's code. */
function finder(wanted) {
  if (/^[A-Z]{2}$/.test(wanted) && codes.has(wanted)) return (cell) => data.vantages[cell.v].cc === wanted;
  const text = plain(wanted);
  return (cell) => rowTexts[cell.s].includes(text) || columnTexts[cell.v].includes(text)
    || cell.mechanisms.some((name) => plain(name).includes(text))
    || cell.networks.some(([asn, name]) => plain(asn, name).includes(text));
}

/** Return a function that returns true for a cell that matches the filters and every word of the search. */
function matcher() {
  const finders = chosen.q.split(/\s+/).filter(Boolean).map(finder);
  return (cell) => (chosen.mechanism === ANY || cell.mechanisms.includes(chosen.mechanism))
    && (chosen.state === ANY || cell.found === chosen.state) && finders.every((found) => found(cell));
}

const cellsOf = (services, vantages) => services.flatMap((s) => vantages.map((v) => cellAt(s, v)));
const listedCells = () => cellsOf(shown.services, shown.vantages).filter(matcher());

/** Return the numbers of the services and vantage points with a cell that matches, in the chosen order. */
function matching() {
  const inPlace = ({ cc, asn }) => (chosen.cc === ANY || cc === chosen.cc) && (chosen.network === ANY || asn === chosen.network);
  let vantages = [...data.vantages.keys()].filter((v) => data.vantages[v].baseline || inPlace(data.vantages[v]));
  let services = [...data.services.keys()].filter((s) => chosen.target === ANY || targetOf(data.services[s]) === chosen.target);
  if ([chosen.mechanism, chosen.state, chosen.q].some((value) => value !== ANY)) {
    const hits = cellsOf(services, vantages).filter(matcher());
    const [rowsHit, columnsHit] = [new Set(hits.map((cell) => cell.s)), new Set(hits.map((cell) => cell.v))];
    services = services.filter((s) => rowsHit.has(s));
    vantages = vantages.filter((v) => columnsHit.has(v) || (data.vantages[v].baseline && services.length));
  }
  return { services: inRowOrder(services, vantages), vantages: inColumnOrder(services, vantages) };
}
