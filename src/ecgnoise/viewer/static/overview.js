// @ts-check
// The bar of the whole recording: the worst state over time, a row per lead, and the part that is shown.
import { SHADES } from "./style.js";

/**
 * @param {HTMLCanvasElement} canvas @param {any} recording @param {Uint8Array} states @param {number} columns
 * @param {{start: number, stop: number, marks: any[]}} view
 */
export function drawOverview(canvas, recording, states, columns, view) {
  const ratio = devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const leads = recording.leads.length, height = canvas.height / leads, width = canvas.width / columns;
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  for (let lead = 0; lead < leads && states.length; lead++) {
    for (let column = 0; column < columns; column++) {
      const name = recording.states[states[lead * columns + column]];
      if (!name || name === "good") continue;
      pen.fillStyle = name === "fault" ? "#9a9a9a" : name === "fair" ? SHADES.fair.colour : SHADES[name].line;
      pen.fillRect(column * width, lead * height, Math.max(1, width), Math.max(1, height));
    }
  }
  const left = (view.start / recording.seconds) * canvas.width, right = (view.stop / recording.seconds) * canvas.width;
  pen.fillStyle = "rgba(10, 90, 138, 0.18)";
  pen.fillRect(left, 0, Math.max(3, right - left), canvas.height);
  pen.strokeStyle = "#0a5a8a";
  pen.lineWidth = 2 * ratio;
  pen.strokeRect(left, ratio, Math.max(3, right - left), canvas.height - 2 * ratio);
  canvas.setAttribute("aria-valuemax", String(Math.round(recording.seconds)));
  canvas.setAttribute("aria-valuenow", String(Math.round(view.start)));
  canvas.setAttribute("aria-valuetext", `${view.start.toFixed(1)} to ${view.stop.toFixed(1)} s`);
}

/** A small picture of the worst grade over time. @param {HTMLCanvasElement} canvas @param {number[]} strip */
export function drawStrip(canvas, strip) {
  const names = ["good", "fair", "poor", "unusable", "fault"];
  canvas.width = 180;
  canvas.height = 14;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  strip.forEach((state, place) => {
    const name = names[state];
    pen.fillStyle = name === "fault" ? "#9a9a9a" : name === "poor" || name === "unusable" ? SHADES[name].line : SHADES[name].colour;
    pen.fillRect((place * 180) / strip.length, 0, 180 / strip.length + 1, 14);
  });
}
