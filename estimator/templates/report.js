"use strict";
(() => {
  const all = (query, root) => [...(root || document).querySelectorAll(query)];

  // Values under the pointer, or under a finger.
  const tip = document.getElementById("tip");
  const say = event => {
    const target = event.target.closest ? event.target.closest("[data-tip]") : null;
    tip.hidden = !target;
    if (!target) return;
    tip.textContent = target.dataset.tip;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 12, innerWidth - box.width - 8);
    const below = event.clientY + 16 + box.height < innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below ? event.clientY + 16 : event.clientY - box.height - 10}px`;
  };
  document.addEventListener("pointermove", say);
  document.addEventListener("pointerdown", say);

  // Totals instead of means per inference.
  const cells = all("td[data-total]");
  cells.forEach(cell => { cell.dataset.each = cell.textContent; });
  const switches = all("label.totals input");
  switches.forEach(one => {
    one.parentElement.hidden = false;
    one.addEventListener("change", () => {
      switches.forEach(other => { other.checked = one.checked; });
      cells.forEach(cell => {
        cell.textContent = one.checked ? cell.dataset.total : cell.dataset.each;
      });
    });
  });

  // Tables that sort by a column; a part stays below its layer, the total at the end.
  const value = cell => {
    if (!cell) return "";
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const number = Number(cell.textContent.replace(/[, %]/g, ""));
    return cell.textContent.trim() === "" || Number.isNaN(number) ? cell.textContent.trim() : number;
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
    return typeof a === "number" ? 1 : -1;
  };
  const sort = (table, column, head) => {
    const body = table.tBodies[0], groups = [], last = [];
    for (const row of [...body.rows]) {
      if (row.classList.contains("total")) last.push(row);
      else if (row.classList.contains("part") && groups.length) groups[groups.length - 1].push(row);
      else groups.push([row]);
    }
    groups.forEach((group, place) => { group[0].dataset.place ??= place; });
    const was = head.getAttribute("aria-sort");
    const next = was === "descending" ? "ascending" : was === "ascending" ? null : "descending";
    all("th", table.tHead).forEach(other => other.removeAttribute("aria-sort"));
    const sign = next === "descending" ? -1 : 1;
    groups.sort(([a], [b]) => next === null ? a.dataset.place - b.dataset.place
      : sign * compare(value(a.cells[column]), value(b.cells[column])));
    if (next) head.setAttribute("aria-sort", next);
    body.append(...groups.flat(), ...last);
  };
  all("table.sort").forEach(table => all("th", table.tHead).forEach((head, column) => {
    head.tabIndex = 0;
    head.addEventListener("click", () => sort(table, column, head));
    head.addEventListener("keydown", event => {
      if (event.key === "Enter") sort(table, column, head);
    });
  }));

  // All channels, step by step.
  all("details.sheet").forEach(sheet => {
    const label = sheet.querySelector("label.steps"), range = label.querySelector("input");
    const show = () => all("figure", sheet).forEach(figure => all("img", figure).forEach((image, place) => {
      image.hidden = place !== Number(range.value);
      if (!image.hidden) label.querySelector("output").textContent = image.dataset.step;
    }));
    label.hidden = false;
    range.addEventListener("input", show);
    show();
  });
})();
