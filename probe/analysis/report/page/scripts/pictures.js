// What all pictures have in common: they are drawn when they are first seen, and drawn again when their width changes.
const unseen = new Map(); // elements that wait, with the function that draws each of them

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) see(entry.target);
}, { rootMargin: "200px" });

/** Return a function that draws a picture again, which does nothing until it was first seen. */
function picture(element, drawInto) {
  let width = 0;
  const drawNow = () => { width = element.clientWidth; if (width) drawInto(width); }; // hidden elements have no width
  const again = () => { if (!unseen.has(element)) drawNow(); };
  unseen.set(element, () => { drawNow(); new ResizeObserver(() => { if (element.clientWidth !== width) drawNow(); }).observe(element); });
  watcher.observe(element);
  return again;
}

function see(element) {
  const first = unseen.get(element);
  if (!first) return;
  unseen.delete(element);
  watcher.unobserve(element);
  first();
}

addEventListener("beforeprint", () => [...unseen.keys()].forEach(see));

/** Return a line of a legend: a rectangle with these attributes, and its meaning. */
function swatch(label, attributes) {
  const svg = drawn("svg", { width: 24, height: 16, "aria-hidden": "true" });
  svg.append(drawn("rect", { x: 1, y: 1, width: 22, height: 14, ...attributes }));
  return el("li", {}, svg, label);
}
