"use strict";
// Follows a run: adds findings and notes as they come, and shows what is done. Texts are never read as HTML.
const live = document.getElementById("live");
const element = (id) => document.getElementById(id);

function add(item) {
  const row = document.createElement("li");
  row.textContent = item.text;
  if (item.state) row.className = item.state;
  element(item.kind === "finding" ? "findings" : "notes").append(row);
  if (item.kind === "finding") element("none").hidden = true;
  else element("network").hidden = false;
}

function show(progress) {
  element("done").max = progress.total || 1;
  element("done").value = progress.done;
  element("text").textContent = progress.text;
  element("phases").textContent = progress.phases;
}

if (live) {
  const source = new EventSource("events?after=" + encodeURIComponent(live.dataset.after));
  source.addEventListener("item", (event) => add(JSON.parse(event.data)));
  source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
  source.addEventListener("end", () => { source.close(); window.location.reload(); });
  source.addEventListener("error", () => { element("lost").hidden = false; });
  source.addEventListener("open", () => { element("lost").hidden = true; });
  window.addEventListener("pagehide", () => source.close());
}
