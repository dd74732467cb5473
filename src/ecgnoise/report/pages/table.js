"use strict";
// The table of all recordings: sorted, filtered and shown a page at a time.
(() => {
  const rows = JSON.parse(document.getElementById("rows").textContent);
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const filter = document.getElementById("filter");
  const below = document.getElementById("below");
  const PAGE = 100, ANALYSABLE = 1;
  let shown = rows, page = 0, column = -1, falling = false;

  const text = (cell) => (cell === null ? "-" : String(cell));
  const wholes = rows.map((row) => row.map(text).join("\n").toLowerCase());

  function compare(one, other) {
    if (one === null || other === null) return (one === null) - (other === null);
    if (typeof one === "number") return (one - other) * (falling ? -1 : 1);
    return String(one).localeCompare(String(other), undefined, { numeric: true }) * (falling ? -1 : 1);
  }

  function choose() {
    const word = filter.value.trim().toLowerCase();
    const most = below.value === "" ? 100 : Number(below.value);
    shown = rows.filter((row, number) => row[ANALYSABLE] <= most && wholes[number].includes(word));
    if (column >= 0) shown = [...shown].sort((one, other) => compare(one[column], other[column]));
    page = 0;
    draw();
  }

  function draw() {
    const first = page * PAGE;
    body.replaceChildren(...shown.slice(first, first + PAGE).map((row) => {
      const line = document.createElement("tr");
      line.append(...row.map((cell) => {
        const entry = document.createElement("td");
        entry.textContent = text(cell);
        if (typeof cell === "number") entry.className = "num";
        return entry;
      }));
      return line;
    }));
    document.getElementById("count").textContent = `${shown.length} of ${rows.length} recordings`;
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    document.getElementById("where").textContent = `page ${page + 1} of ${pages}`;
    document.getElementById("back").disabled = page === 0;
    document.getElementById("on").disabled = page >= pages - 1;
    document.getElementById("pages").hidden = pages === 1;
  }

  headings.forEach((heading, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      falling = column === number && !falling;
      column = number;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      choose();
    });
  });
  filter.addEventListener("input", choose);
  below.addEventListener("input", choose);
  document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("back").addEventListener("click", () => { page -= 1; draw(); });
  document.getElementById("on").addEventListener("click", () => { page += 1; draw(); });
  document.getElementById("controls").hidden = false;
  document.getElementById("unscripted")?.remove();
  draw();
})();
