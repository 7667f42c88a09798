// The mechanisms over time: of the runs by day or week, the shares that fail in each way, and below them those that work.
const MOST_MECHANISMS = 5; // that have an area of their own
const MOST_DAYS = 92; // Longer periods are drawn by week.
const KINDS = ["M0 6L6 0", "M3 0v6", "", "M2 3h2", "M0 3h6", "M0 0L6 6M0 6L6 0"]; // hatches of the areas

function drawMechanisms(width) {
  const days = shownDays();
  const country = placeOf(timed.cc, "");
  const steps = stepsOf(days, pointsOf(timed.service, country), (country && country.failing[timed.service]) || []);
  const names = mechanismNames(steps);
  const height = 12 + CHART.plot + CHART.bottom;
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${timed.service} in ${countryOf(timed.cc)}: shares of runs by mechanism. The table below has the same numbers.` });
  svg.append(mechanismPatterns(names.length));
  const x = dayScale(width, days.length);
  const y = (portion) => 12 + CHART.plot * (1 - portion);
  for (const step of steps.filter(({ total }) => total)) {
    let reached = 1;
    const area = (portion, attributes) => {
      if (portion) svg.append(drawn("rect", { x: x(step.from), width: x(step.to) - x(step.from), y: y(reached), height: y(reached - portion) - y(reached), ...attributes }));
      reached -= portion;
    };
    countsOf(step, names).forEach((runs, number) => area(runs / step.total, { class: "area", fill: `url(#mechanism-${number})` }));
    area(reached > 1e-9 ? reached : 0, { class: "area bar-works" });
  }
  drawAxes(svg, width, y, days);
  at("mechanisms-picture").replaceChildren(svg);
  drawMechanismLegend(steps, names);
  drawMechanismTable(steps, names);
}

/** Return days, or weeks of a long period: their runs, and those that fail by mechanism. */
function stepsOf(days, points, failing) {
  const size = days.length > MOST_DAYS ? 7 : 1;
  const steps = [];
  days.forEach((day, place) => {
    if (place % size === 0) steps.push({ from: place, to: Math.min(place + size, days.length), day, total: 0, failing: 0, by: new Map() });
    const step = steps[steps.length - 1];
    const [, fails, works] = points.get(day) || [0, 0, 0];
    step.total += fails + works;
    step.failing += fails;
  });
  for (const [day, mechanism, runs] of failing) {
    const step = steps.find(({ from, to }) => day >= days[from] && day <= days[to - 1]);
    if (step) step.by.set(mechanism, (step.by.get(mechanism) || 0) + runs);
  }
  return steps;
}

/** Return the numbers of the most frequent mechanisms. The last area holds all others. */
function mechanismNames(steps) {
  const totals = new Map();
  for (const { by } of steps) for (const [mechanism, runs] of by) totals.set(mechanism, (totals.get(mechanism) || 0) + runs);
  return [...totals].sort(([, one], [, other]) => other - one).slice(0, MOST_MECHANISMS).map(([mechanism]) => mechanism);
}

/** Return the runs of each named mechanism, then those of all others. */
function countsOf(step, names) {
  const counts_ = names.map((mechanism) => step.by.get(mechanism) || 0);
  return [...counts_, Math.max(0, step.failing - counts_.reduce((sum, runs) => sum + runs, 0))];
}

const mechanismLabels = (names) => [...names.map((mechanism) => data.mechanisms[mechanism] || "no mechanism named"), "other mechanisms"];

function mechanismPatterns(count) {
  const defs = drawn("defs", {});
  for (let number = 0; number <= count; number += 1) {
    const kind = number === count ? MOST_MECHANISMS : number;
    const pattern = drawn("pattern", { id: `mechanism-${number}`, width: PATTERN, height: PATTERN, patternUnits: "userSpaceOnUse" });
    pattern.append(drawn("rect", { width: PATTERN, height: PATTERN, class: `mechanism-${kind}` }));
    if (KINDS[kind]) pattern.append(drawn("path", { d: KINDS[kind], class: "mechanism-hatch" }));
    defs.append(pattern);
  }
  return defs;
}

function drawMechanismLegend(steps, names) {
  const labels = mechanismLabels(names);
  const shown = steps.some((step) => countsOf(step, names)[names.length]) ? labels : labels.slice(0, -1);
  at("mechanisms-legend").replaceChildren(
    ...shown.map((label, number) => swatch(label, { class: "area", fill: `url(#mechanism-${number})` })),
    swatch("works", { class: "area bar-works" }));
}

function drawMechanismTable(steps, names) {
  const heads = [steps.length && steps[0].to > 1 ? "week from" : "day", ...mechanismLabels(names), "works", "runs"];
  at("mechanisms-table").replaceChildren(table(heads, steps.map((step) => [data.days[step.day],
    ...(step.total ? [...countsOf(step, names), step.total - step.failing, step.total].map(String) : ["not measured", ...Array(names.length + 2).fill("")])])));
}
