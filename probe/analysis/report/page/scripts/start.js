// Draw everything when all scripts are read.
drawFilters();
draw();
if (isTimed()) drawTimeFilters();
at("list").hidden = false;
document.documentElement.dataset.ready = String(Math.round(performance.now()));
