// @ts-check
// The list of recordings, sorted, with small pictures.
import { drawStrip } from "./overview.js";

const NAMES = ["good", "fair", "poor", "unusable", "without a score"];

/** @param {HTMLTableElement} table @param {any[]} entries @param {(id: number) => void} open */
export function showList(table, entries, open) {
  table.hidden = entries.length === 0;
  table.tBodies[0].replaceChildren(...entries.map((entry) => {
    const row = document.createElement("tr");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = entry.name;
    button.title = entry.source;
    button.addEventListener("click", () => open(entry.id));
    row.append(cell(button), cell(entry.analysable), cell(entry.worst_lead), cell(entry.worst_analysable), cell(entry.noise));
    if (entry.scored) {
      const canvas = document.createElement("canvas");
      drawStrip(canvas, entry.strip);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `worst grade: ${NAMES[Math.max(...entry.strip)]}`);
      row.append(cell(canvas));
    } else {
      row.append(cell("not scored yet"));
    }
    row.append(cell(entry.faults));
    return row;
  }));
}

/** @param {HTMLTableElement} table @param {any[]} entries @param {(id: number) => void} open */
export function sortable(table, entries, open) {
  let key = "", falling = false;
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const asked = /** @type {HTMLElement} */ (button).dataset.key ?? "";
      falling = key === asked && !falling;
      key = asked;
      entries.sort((one, other) => compare(one[key], other[key]) * (falling ? -1 : 1));
      for (const heading of table.querySelectorAll("th")) heading.removeAttribute("aria-sort");
      button.closest("th")?.setAttribute("aria-sort", falling ? "descending" : "ascending");
      showList(table, entries, open);
    });
  }
}

/** @param {any} one @param {any} other */
function compare(one, other) {
  if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
  return typeof one === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true });
}

/** @param {any} content */
function cell(content) {
  const found = document.createElement("td");
  found.append(content instanceof Node ? content : content === undefined || content === null ? "" : String(content));
  return found;
}
