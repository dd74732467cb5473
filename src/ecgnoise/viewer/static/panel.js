// @ts-check
// The side panel: what is known of an instant, what is measured, and the chosen annotation.

/** @param {number} second @param {string | null} start */
export function clock(second, start) {
  if (start) {
    const [date, time] = [start.slice(0, 10), new Date(`${start.slice(0, 19)}Z`)];
    const moved = new Date(time.getTime() + second * 1000).toISOString();
    return moved.slice(0, 10) === date ? moved.slice(11, 19) : moved.slice(0, 19).replace("T", " ");
  }
  const whole = Math.floor(second), hours = Math.floor(whole / 3600);
  return `${hours}:${String(Math.floor(whole / 60) % 60).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {HTMLTableElement} table @param {any[]} leads */
export function showInstant(table, leads) {
  table.tBodies[0].replaceChildren(...leads.map((lead) => {
    const row = document.createElement("tr");
    const kind = lead.kind.replace("_", " ");
    const level = lead.kind ? lead.microvolts[lead.kind] : null;
    const [snr, low, high] = lead.snr;
    const words = [
      lead.lead,
      lead.grade || lead.fault,
      lead.local_snr ?? snr ?? "-",
      lead.fault || lead.grade === "good" ? "" : level === null ? kind : `${kind}, ${Math.round(level)} uV`,
    ];
    row.title = `PSNR ${lead.psnr ?? "-"} dB; SNR of the segment ${snr ?? "-"} dB (${low ?? "-"} to ${high ?? "-"}); agreement of beats ${lead.agreement ?? "-"}`;
    row.append(...words.map((word, place) => {
      const cell = document.createElement(place ? "td" : "th");
      cell.textContent = String(word);
      if (!place) cell.setAttribute("scope", "row");
      return cell;
    }));
    return row;
  }));
}

/**
 * What a stretch measures: its length, the rate of beats that far apart, and the height of the signal in it.
 * @param {{lead: number, start: number, stop: number}} measured @param {string} name @param {number | null} height @param {string} units
 */
export function measuredWords(measured, name, height, units) {
  const seconds = measured.stop - measured.start;
  const rate = seconds > 0 ? `, ${Math.round(60 / seconds)} bpm` : "";
  const tall = height === null ? "" : `, ${height.toFixed(2)} ${units === "mV" ? "mV" : "(unknown unit)"}`;
  return `${name}: ${Math.round(seconds * 1000)} ms${rate}${tall}`;
}

/** @param {any} mark */
export function markWords(mark) {
  const noise = mark.noise ? `, ${mark.noise.replace("_", " ")}` : "";
  const what = mark.grade || mark.fault || "no score";
  return `${mark.lead}, ${mark.start.toFixed(2)} to ${mark.stop.toFixed(2)} s: ${what}${noise} (${mark.author})`;
}

/** The annotations as a table for who cannot see them. @param {HTMLTableElement} table @param {any[]} marks */
export function showSpans(table, marks) {
  table.tBodies[0].replaceChildren(...marks.slice(0, 500).map((mark) => {
    const row = document.createElement("tr");
    const cells = [mark.lead, mark.start.toFixed(2), mark.stop.toFixed(2), mark.grade || mark.fault, mark.noise.replace("_", " "), mark.author];
    row.append(...cells.map((word) => { const cell = document.createElement("td"); cell.textContent = word; return cell; }));
    return row;
  }));
}
