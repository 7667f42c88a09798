// Small multiples: one small chart per service of the country, those that fail most first.
const SMALL = { width: 150, height: 34 };

function drawMultiples() {
  const days = shownDays();
  const place = placeOf(timed.cc, timed.asn);
  const shown = Object.keys((place && place.series) || {}).map((service) => smallSeries(service, pointsOf(service, place), days));
  shown.sort((one, other) => other.newest - one.newest || other.total - one.total || (one.service < other.service ? -1 : 1));
  at("multiples-title").textContent = `All services in ${placeTitle()}`;
  at("multiples").replaceChildren(...shown.map((one) => drawSmall(one, days)));
}

/** Return a service's points, with the share of runs that fail in its newest days and in all. */
function smallSeries(service, points, days) {
  const measured = days.filter((day) => points.has(day) && share(points.get(day)) !== null);
  const part = (some) => {
    const [failing, working] = [1, 2].map((kind) => some.reduce((sum, day) => sum + points.get(day)[kind], 0));
    return failing + working ? failing / (failing + working) : -1;
  };
  const newest = measured.filter((day) => day > measured[measured.length - 1] - data.newest_days);
  return { service, points, newest: part(newest), total: part(measured) };
}

function drawSmall({ service, points, newest }, days) {
  const text = newest < 0 ? "not measured" : `${Math.round(100 * newest)} % fail`;
  const svg = drawn("svg", { width: SMALL.width, height: SMALL.height, viewBox: `0 0 ${SMALL.width} ${SMALL.height}`,
    preserveAspectRatio: "none", "aria-hidden": "true" });
  const step = SMALL.width / days.length;
  const bars = { "bar-fails": "", "bar-works": "" };
  days.forEach((day, place) => {
    const point = points.get(day);
    if (!point || share(point) === null) return;
    const fails = SMALL.height * share(point);
    const bar = (top, bottom) => (bottom - top > 0.05 ? `M${(place * step).toFixed(2)} ${top.toFixed(1)}h${step.toFixed(2)}V${bottom.toFixed(1)}h-${step.toFixed(2)}z` : "");
    bars["bar-fails"] += bar(0, fails);
    bars["bar-works"] += bar(fails, SMALL.height);
  });
  for (const [kind, d] of Object.entries(bars)) if (d) svg.append(drawn("path", { d, class: kind }));
  const button = el("button", { type: "button", "aria-pressed": String(service === timed.service) }, svg,
    el("span", { class: "small-name" }, service), el("span", { class: "small-share" }, text));
  button.addEventListener("click", () => {
    chooseSeries(service, timed.cc, timed.asn);
    [...at("multiples").querySelectorAll("button")].find((one) => one.getAttribute("aria-pressed") === "true")?.focus();
  });
  return el("li", {}, button);
}
