// @ts-check
// Colours and hatching, the same as those of figures and reports.

/** @type {Record<string, {colour: string, line: string}>} */
export const SHADES = {
  good: { colour: "#ffffff", line: "#1b6e3c" },
  fair: { colour: "#fff1b8", line: "#7a5c00" },
  poor: { colour: "#ffc68a", line: "#a04a00" },
  unusable: { colour: "#f29a9a", line: "#a01515" },
  fault: { colour: "#e4e4e4", line: "#8a8a8a" },
};
export const PAPER = { ground: "#fffaf7", small: "#f7d9d3", large: "#eaa9a0", trace: "#111111" };
export const PIXELS_PER_MM = 96 / 25.4;

/** @type {Map<string, CanvasPattern | string>} */
const made = new Map();

/**
 * What a state is filled with: its colour, and from "poor" on a hatching that is there in grey too.
 * @param {CanvasRenderingContext2D} context
 * @param {string} state
 */
export function fillOf(context, state) {
  const known = made.get(state);
  if (known) return known;
  const { colour, line } = SHADES[state];
  const tile = document.createElement("canvas");
  tile.width = tile.height = 12;
  const pen = tile.getContext("2d");
  if (!pen) return colour;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 12, 12);
  pen.strokeStyle = line;
  pen.globalAlpha = 0.55;
  const rising = state === "poor" || state === "unusable", falling = state === "unusable" || state === "fault";
  for (const shift of [-12, 0, 12]) {
    if (rising) { pen.beginPath(); pen.moveTo(shift, 12); pen.lineTo(shift + 12, 0); pen.stroke(); }
    if (falling) { pen.beginPath(); pen.moveTo(shift, 0); pen.lineTo(shift + 12, 12); pen.stroke(); }
  }
  const pattern = context.createPattern(tile, "repeat") ?? colour;
  made.set(state, pattern);
  return pattern;
}
