// The tables of events and notes show those in the chosen period.
const overlaps = ({ onset, end }) => (chosen.until === ANY || !onset || onset < chosen.until) && (chosen.since === ANY || !end || end > chosen.since);

function showEvents() {
  const show = (id, shows) => document.querySelectorAll(`#${id} tbody tr`).forEach((row, number) => { row.hidden = !shows(number); });
  show("events", (number) => overlaps(data.events[number]));
  show("notes", (number) => inPeriod(data.annotations[number].day));
}

onChange((keys) => { if (keys.includes("since") || keys.includes("until")) showEvents(); });
