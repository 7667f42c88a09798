// Draw everything when all scripts are read. The cell is opened last, when it can be found in the table.
drawFilters();
drawDownloads();
const { cell: opened, ...others } = choicesOf(location.hash);
apply(others);
if (!at("grid")) draw();
startMap();
startTime();
startEvents();
at("list").hidden = false;
apply({ cell: opened });
document.documentElement.dataset.ready = String(Math.round(performance.now()));
