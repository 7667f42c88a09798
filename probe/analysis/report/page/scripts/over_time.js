// The choice of service, country and network whose pictures over time are shown, and the days that they show.
const timed = { service: "", cc: "", asn: "" };
const placeOf = (cc, asn) => data.places.find((place) => place.cc === cc && place.asn === asn);
const redrawings = []; // one function per picture
let timeSelects = {};

function startTime() {
  if (data.days.length < 2 || !data.places.length) return;
  const services = distinct(data.places.flatMap((place) => Object.keys(place.series)));
  const plain = (value) => value;
  at("time-filters").append(
    choice("Service", services, plain, (value) => chooseSeries(value, timed.cc, timed.asn), null),
    choice("Country", distinct(data.places.map((place) => place.cc)), (cc) => (countryOf(cc) === cc ? cc : `${cc} ${countryOf(cc)}`), (value) => chooseSeries(timed.service, value), null),
    choice("Network", [], plain, (value) => chooseSeries(timed.service, timed.cc, value), "all networks"));
  const [service, country, network] = at("time-filters").querySelectorAll("select");
  timeSelects = { service, country, network };
  at("time").hidden = false;
  redrawings.push(picture(at("time-picture"), drawTimeline), picture(at("multiples"), drawMultiples), picture(at("mechanisms-picture"), drawMechanisms));
  onChange((keys) => { if (keys.includes("since") || keys.includes("until")) redrawTime(); });
  const first = data.places[0];
  chooseSeries(Object.keys(first.series).sort()[0], first.cc);
}

/** Choose a series. A country without the service keeps its place: the picture then shows gaps only. */
function chooseSeries(service, cc, asn = "") {
  if (!timeSelects.service) return;
  const country = data.places.some((place) => place.cc === cc) ? cc : timed.cc || data.places[0].cc;
  const networks = data.places.filter((place) => place.cc === country && place.asn).map((place) => place.asn).sort();
  Object.assign(timed, { service, cc: country, asn: networks.includes(asn) ? asn : "" });
  timeSelects.service.value = service;
  timeSelects.country.value = country;
  timeSelects.network.replaceChildren(el("option", { value: "" }, "all networks"),
    ...networks.map((value) => el("option", { value }, `${value} ${networkNames.get(value) || ""}`.trim())));
  timeSelects.network.value = timed.asn;
  timeSelects.network.disabled = !networks.length;
  redrawTime();
}

function redrawTime() {
  for (const redraw of redrawings) redraw();
}

/** Return the numbers of the days that are shown: those of the chosen period, or all if it has none. */
function shownDays() {
  const all = data.days.map((_, day) => day);
  const numbers = all.filter((day) => inPeriod(data.days[day]));
  return numbers.length ? numbers : all;
}

const pointsOf = (service, place) => new Map(((place && place.series[service]) || []).map((point) => [point[0], point]));
const share = ([, failing, working]) => (failing + working ? failing / (failing + working) : null);
const countryOf = (cc) => data.country_names[cc] || cc;
const placeTitle = () => `${countryOf(timed.cc)}${timed.asn ? `, ${timed.asn}` : ""}`;
