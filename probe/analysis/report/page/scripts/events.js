// The tables of events and notes show those in the chosen period. A link to an event marks it and shows its time line.
const overlaps = ({ onset, end }) => (chosen.until === ANY || !onset || onset < chosen.until) && (chosen.since === ANY || !end || end > chosen.since);
const eventNumber = (key) => (key === ANY ? -1 : data.events.findIndex((event) => event.key === key));
let mostEvents = onPhone() ? 3 : 10; // that are shown before the button shows all

function showEvents() {
  const show = (id, shows) => document.querySelectorAll(`#${id} tbody tr`).forEach((row, number) => { row.hidden = !shows(number); });
  const inside = data.events.map((event, number) => number).filter((number) => overlaps(data.events[number]));
  const shownEvents = new Set([...inside.slice(0, mostEvents), eventNumber(chosen.event)]);
  show("events", (number) => shownEvents.has(number));
  show("notes", (number) => inPeriod(data.annotations[number].day));
  const button = at("events-more");
  if (!button) return;
  button.hidden = inside.length <= mostEvents;
  button.textContent = `Show all ${inside.length} events`;
}

/** Mark the event of the address, and scroll to it. */
function showEvent() {
  const number = eventNumber(chosen.event);
  document.querySelectorAll("#events tbody tr").forEach((row, place) => row.classList.toggle("marked", place === number));
  if (number >= 0) document.querySelectorAll("#events tbody tr")[number].scrollIntoView({ block: "center" });
}

function startEvents() {
  if (at("events-more")) at("events-more").addEventListener("click", () => { mostEvents = Infinity; showEvents(); });
  showEvents();
  showEvent();
}

allow("event", (key) => eventNumber(key) >= 0);
onChange((keys) => {
  if (["since", "until", "event"].some((key) => keys.includes(key))) showEvents();
  if (keys.includes("event")) showEvent();
});
