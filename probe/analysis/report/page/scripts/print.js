// The table on paper. A wide one is printed as several tables, each with the columns that fit.
const PRINTED = 20; // columns

function drawPrinted() {
  const { services, vantages } = shown;
  if (vantages.length <= PRINTED) return;
  const starts = [...Array(Math.ceil(vantages.length / PRINTED)).keys()].map((number) => number * PRINTED);
  at("printed").replaceChildren(...starts.map((start) => {
    const part = vantages.slice(start, start + PRINTED);
    return drawGrid(services, part, services.map((s) => part.map((v) => drawCell(cellAt(s, v), false))), { class: "many" });
  }));
}

window.addEventListener("beforeprint", drawPrinted);
window.addEventListener("afterprint", () => at("printed").replaceChildren());
