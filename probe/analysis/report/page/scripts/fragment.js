// What is chosen on the page. It stands in the fragment of the address, so that a link restores it.
const LONGEST = 5000; // characters of a fragment. A longer one is ignored.
const isDay = (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
const chosen = {}; // by key, ANY if nothing is chosen
const allowed = {}; // by key, a function that returns true for each valid value
const listeners = [];

/** Let a script keep a choice in the fragment. `valid` returns true for each value that the page has. */
function allow(key, valid) {
  allowed[key] = valid;
  chosen[key] = ANY;
}

/** Call a function with the names of the changed keys after each change of what is chosen. */
const onChange = (callback) => listeners.push(callback);

/** Return whether a day is in the chosen period. The day `since` is in it, the day `until` is not. */
const inPeriod = (day) => (chosen.since === ANY || day >= chosen.since) && (chosen.until === ANY || day < chosen.until);

/** Return a text without half characters, which an address cannot hold. */
const whole = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

/** Return the fragment of what is chosen, or of other choices. */
function fragmentOf(choices = chosen) {
  const parts = Object.entries(choices).filter(([, value]) => value !== ANY);
  return "#" + parts.map(([key, value]) => `${key}=${encodeURIComponent(whole(value))}`).join("&");
}

/** Return the choices of a fragment. A fragment is untrusted, so its unknown keys and values are ignored. */
function choicesOf(fragment) {
  const found = new URLSearchParams(fragment.length > LONGEST ? "" : fragment.slice(1));
  const keys = Object.keys(allowed);
  if (fragment.length > 1 && !keys.some((key) => found.has(key))) return chosen;
  return Object.fromEntries(keys.map((key) => [key, found.has(key) && allowed[key](found.get(key)) ? found.get(key) : ANY]));
}

/** Change choices and the address. With `replace` the change is no step of the browser's history. */
function choose(changes, replace = false) {
  if (!apply({ ...chosen, ...changes })) return;
  history[replace ? "replaceState" : "pushState"](null, "", fragmentOf());
}

function apply(choices) {
  const keys = Object.keys(choices).filter((key) => choices[key] !== chosen[key]);
  Object.assign(chosen, choices);
  if (keys.length) listeners.forEach((callback) => callback(keys));
  return keys.length > 0;
}

const readFragment = () => apply(choicesOf(location.hash));
allow("since", isDay);
allow("until", isDay);
window.addEventListener("hashchange", readFragment);
