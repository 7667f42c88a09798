// The time line: the share of runs that fail by day, its interval, and what begins or ends.
const CHART = { left: 44, right: 12, top: 34, plot: 150, bottom: 28 };

function drawTimeline(width) {
  const days = shownDays();
  const points = pointsOf(timed.service, placeOf(timed.cc, timed.asn));
  const edges = edgesOf(days);
  const lanes = laneNumbers([...edges.keys()].map((day) => days.indexOf(data.days.indexOf(day))), width, days.length);
  const top = CHART.top + 13 * Math.max(0, ...lanes);
  const height = top + CHART.plot + CHART.bottom;
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${timed.service} in ${placeTitle()}: share of runs that fail by day. The table below has the same numbers.` });
  const x = dayScale(width, days.length);
  const y = (portion) => top + CHART.plot * (1 - portion);
  drawAxes(svg, width, y, days);
  for (const run of runsOfDays(days, points)) drawRun(svg, run, x, y);
  [...edges.entries()].forEach(([day, { note }], number) => {
    const at_ = x(days.indexOf(data.days.indexOf(day)) + (note ? 0.5 : 0));
    svg.append(drawn("line", { x1: at_, x2: at_, y1: top - 13 * lanes[number] - 2, y2: y(0), class: note ? "mark note-mark" : "mark" }),
      drawn("text", { x: at_, y: top - 13 * lanes[number] - 6, "text-anchor": "middle", class: "mark-number" }, String(number + 1)));
  });
  at("time-picture").replaceChildren(svg);
  at("time-marks").replaceChildren(...[...edges].map(([day, { texts }]) => el("li", {}, `${day}: ${[...texts].join("; ")}`)));
  drawTimeTable(days, points, edges);
}

/** Return a function for the left end of a day's space. The middle of day n is at n + 0.5. */
const dayScale = (width, count) => (place) => CHART.left + (width - CHART.left - CHART.right) * (place / Math.max(1, count));

/** Return the days that were measured in groups without a gap, with the points of each. */
function runsOfDays(days, points) {
  const groups = [];
  let last = -2;
  days.forEach((day, place) => {
    const point = points.get(day);
    if (!point || share(point) === null) return;
    if (place !== last + 1) groups.push([]);
    groups[groups.length - 1].push([place, point]);
    last = place;
  });
  return groups;
}

function drawRun(svg, run, x, y) {
  const edge = (number, place, high) => `${x(place).toFixed(1)} ${y(run[number][1][high] / 1000).toFixed(1)}`;
  const one = run.length === 1; // a single day is as wide as its space
  const ends = run.flatMap(([place], number) => (one ? [[0, place], [0, place + 1]] : [[number, place + 0.5]]));
  const upper = ends.map(([number, place]) => edge(number, place, 5));
  const lower = ends.map(([number, place]) => edge(number, place, 4)).reverse();
  svg.append(drawn("path", { d: `M${[...upper, ...lower].join("L")}Z`, class: "band" }));
  const line = run.map(([place, point]) => `${x(place + 0.5).toFixed(1)} ${y(share(point)).toFixed(1)}`).join("L");
  svg.append(drawn("path", { d: `M${line}`, class: "share-line" }));
  const radius = Math.min(3.5, x(1) - x(0));
  for (const [place, point] of radius < 2 && !one ? [] : run) {
    const dot = drawn("circle", { cx: x(place + 0.5), cy: y(share(point)), r: Math.max(2, radius), class: point[1] + point[2] < data.least ? "dot pale" : "dot" });
    dot.append(drawn("title", {}, `${data.days[point[0]]}: ${point[1]} of ${point[1] + point[2]} runs fail, ${interval(point)}`));
    svg.append(dot);
  }
}

function drawAxes(svg, width, y, days) {
  for (const portion of [0, 0.5, 1])
    svg.append(drawn("line", { x1: CHART.left, x2: width - CHART.right, y1: y(portion), y2: y(portion), class: portion ? "grid-line" : "axis" }),
      drawn("text", { x: CHART.left - 6, y: y(portion) + 4, "text-anchor": "end" }, `${100 * portion} %`));
  drawDayLabels(svg, width, y(0) + 18, days);
}

/** Write the first and the last day, and the begins of months where there is space. */
function drawDayLabels(svg, width, y, days) {
  const x = dayScale(width, days.length);
  svg.append(drawn("text", { x: CHART.left, y }, data.days[days[0]]),
    drawn("text", { x: width - CHART.right, y, "text-anchor": "end" }, data.days[days[days.length - 1]]));
  let free = CHART.left + 120;
  days.forEach((day, place) => {
    if (!data.days[day].endsWith("-01") || x(place) < free || x(place) > width - CHART.right - 120) return;
    svg.append(drawn("text", { x: x(place), y, "text-anchor": "middle" }, data.days[day].slice(0, 7)),
      drawn("line", { x1: x(place), x2: x(place), y1: y - 18, y2: y - 13, class: "axis" }));
    free = x(place) + 80;
  });
}

/** Return a lane for each mark, so that numbers beside each other do not overlap. */
function laneNumbers(places, width, count) {
  const x = dayScale(width, count);
  const reached = [];
  return places.map((place) => {
    const lane = reached.findIndex((end) => x(place) - end > 18);
    const taken = lane < 0 ? reached.length : lane;
    reached[taken] = x(place);
    return taken;
  });
}

/** Return what begins or ends and the notes, by day in order. The chart has space for numbers only. */
function edgesOf(days) {
  const edges = new Map();
  const first = data.days[days[0]], last = data.days[days[days.length - 1]];
  const add = (day, text, note) => {
    if (day === null || day < first || day > last) return;
    if (!edges.has(day)) edges.set(day, { texts: new Set(), note });
    edges.get(day).texts.add(text);
    edges.get(day).note = edges.get(day).note && note;
  };
  const byOnset = data.events.filter(concerns).sort((one, other) => ((one.onset || "") < (other.onset || "") ? -1 : 1));
  for (const event of byOnset) {
    const [begins, ends] = edgeWords(event);
    add(event.onset, begins, false);
    add(event.end, ends, false);
  }
  for (const { day, cc, service, text } of data.annotations)
    if ((!cc || cc === timed.cc) && (!service || service === timed.service)) add(day, `note: ${text}`, true);
  return new Map([...edges].sort(([one], [other]) => (one < other ? -1 : 1)));
}

const concerns = (event) => event.cc === timed.cc && (event.service === timed.service || event.service === null)
  && (!timed.asn || event.networks.includes(timed.asn));

function edgeWords(event) {
  if (event.kind === "possible_shutdown") return ["possible shutdown begins", "possible shutdown ends"];
  if (event.kind === "measurements_stopped") return ["measurements stop", "measurements are back"];
  const what = event.mechanism || "interference";
  return [`${what} begins${where(event)}`, `${what} ends${where(event)}`];
}

/** Return the networks of an event if the country has others and all are shown. */
function where({ networks }) {
  const all = data.places.filter((place) => place.cc === timed.cc && place.asn).length;
  if (timed.asn || networks.length >= all) return "";
  return ` (${networks.length > 3 ? `${networks.length} networks` : networks.join(", ")})`;
}

const interval = (point) => `${Math.round(point[4] / 10)}-${Math.round(point[5] / 10)} %`;

function drawTimeTable(days, points, edges) {
  at("time-table").replaceChildren(table(["day", "runs that fail", "runs that work", "neither", "share that fails (95 %)", "begins, ends, notes"], days.map((day) => {
    const point = points.get(day);
    const changes = edges.has(data.days[day]) ? [...edges.get(data.days[day]).texts].join("; ") : "";
    const numbers = point ? [...point.slice(1, 4).map(String), share(point) === null ? "" : interval(point)] : ["not measured", "", "", ""];
    return [data.days[day], ...numbers, changes];
  })));
}
