// The choice of service, country and network whose pictures over time are shown, and the days that they show.
const timed = { service: "", cc: "", asn: "" };
const placeOf = (cc, asn) => data.places.find((place) => place.cc === cc && place.asn === asn);
const timeServices = distinct(data.places.flatMap((place) => Object.keys(place.series)));
const redrawings = []; // one function per picture
const NO_SERIES = { tservice: ANY, tcountry: ANY, tnetwork: ANY };
let timeSelects = {};

function startTime() {
  if (data.days.length < 2 || !data.places.length) return;
  const plain = (value) => value;
  at("time-filters").append(
    choice("Service", timeServices, plain, (value) => chooseSeries(value, timed.cc, timed.asn), null),
    choice("Country", distinct(data.places.map((place) => place.cc)), (cc) => (countryOf(cc) === cc ? cc : `${cc} ${countryOf(cc)}`), (value) => chooseSeries(timed.service, value, ANY), null),
    choice("Network", [], plain, (value) => chooseSeries(timed.service, timed.cc, value), "all networks"));
  const [service, country, network] = at("time-filters").querySelectorAll("select");
  timeSelects = { service, country, network };
  at("time").hidden = false;
  redrawings.push(picture(at("time-picture"), drawTimeline), picture(at("multiples"), drawMultiples), picture(at("mechanisms-picture"), drawMechanisms));
  showSeries();
}

const chooseSeries = (service, cc, asn) => choose({ tservice: service, tcountry: cc, tnetwork: asn });

/** Return the series that is chosen, else the one of the opened cell, else the one that was shown. */
function chosenSeries() {
  const cell = cellOf(chosen.cell);
  const first = data.places[0];
  if (chosen.tservice !== ANY) return [chosen.tservice, chosen.tcountry, chosen.tnetwork];
  if (cell && timeServices.includes(data.services[cell.s])) return [data.services[cell.s], data.vantages[cell.v].cc, data.vantages[cell.v].asn];
  const event = data.events[eventNumber(chosen.event)];
  if (event && timeServices.includes(event.service)) return [event.service, event.cc, ANY];
  if (timed.service) return [timed.service, timed.cc, timed.asn];
  const worst = data.summary.worst;
  if (worst && placeOf(worst[1], ANY)) return [...worst, ANY];
  return [Object.keys(first.series).sort()[0], first.cc, ANY];
}

/** Show the chosen series. A country without the service keeps its place: the picture then shows gaps only. */
function showSeries() {
  if (!timeSelects.service) return;
  const [service, cc, asn] = chosenSeries();
  const country = placeOf(cc, "") ? cc : timed.cc || data.places[0].cc;
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

/** Return the numbers of the days in the chosen period, of all days if none is in it. */
function shownDays() {
  const all = data.days.map((_, day) => day);
  const inside = all.filter((day) => inPeriod(data.days[day]));
  return inside.length ? inside : all;
}

const pointsOf = (service, place) => new Map(((place && place.series[service]) || []).map((point) => [point[0], point]));
const share = ([, failing, working]) => (failing + working ? failing / (failing + working) : null);
const countryOf = (cc) => data.country_names[cc] || cc;
const placeTitle = () => `${countryOf(timed.cc)}${timed.asn ? `, ${timed.asn}` : ""}`;

allow("tservice", (value) => timeServices.includes(value));
allow("tcountry", (value) => placeOf(value, "") !== undefined);
allow("tnetwork", (value) => data.places.some((place) => place.asn === value));
onChange((keys) => { if (["cell", "event", "since", "until", ...Object.keys(NO_SERIES)].some((key) => keys.includes(key))) showSeries(); });
