"use strict";
(() => {
  const written = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.v ?? cell.textContent.replaceAll(",", "");
  };
  const compared = (one, other) => {
    const a = Number(one), b = Number(other);
    if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
    if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
    return one < other ? -1 : one > other ? 1 : 0;
  };
  const sort = (button) => {
    const head = button.closest("th"), body = button.closest("table").tBodies[0];
    const first = head.classList.contains("number") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const one of head.parentElement.cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row) => [written(row, head.cellIndex), row]);
    rows.sort(([a], [b]) => (a === "" || b === "" ? (a === "") - (b === "") : sign * compared(a, b)));
    body.append(...rows.map(([, row]) => row));
  };
  for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => sort(button));
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
