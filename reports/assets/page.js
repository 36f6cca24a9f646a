"use strict";
(() => {
  // Charts: plotly draws what the page holds as data.
  const charts = JSON.parse(document.getElementById("charts").textContent);
  for (const [name, figure] of Object.entries(charts)) {
    const place = document.getElementById("chart-" + name);
    if (place) Plotly.newPlot(place, figure.data, figure.layout, { displayModeBar: false, responsive: true, locale: "en" });
  }

  // Tables: a click on a heading sorts by that column, a second one the other way round.
  const value = (row, at) => {
    const cell = row.cells[at];
    const number = cell.dataset.v;
    return number === undefined ? cell.textContent.toLowerCase() : Number(number);
  };
  const sort = (heading) => {
    const table = heading.closest("table");
    const at = heading.cellIndex;
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.sort((one, two) => {
      const a = value(one, at), b = value(two, at);
      return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
    });
    body.append(...rows);
  };
  for (const heading of document.querySelectorAll("th[data-sort]")) {
    heading.addEventListener("click", () => sort(heading));
    heading.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(heading); }
    });
  }

  // Search: rows that hold all of its words stay.
  for (const box of document.querySelectorAll("input[data-of]")) {
    const rows = [...document.getElementById(box.dataset.of).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const told = document.getElementById(box.dataset.of + "-told");
    box.addEventListener("input", () => {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, at) => {
        row.hidden = !words.every((word) => texts[at].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      told.textContent = words.length ? shown + " of " + rows.length : "";
    });
  }
})();
