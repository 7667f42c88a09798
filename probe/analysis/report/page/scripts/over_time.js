// The chart over time of one service in one country.
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
