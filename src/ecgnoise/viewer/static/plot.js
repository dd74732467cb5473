// @ts-check
// Leads below each other on ECG paper, one uPlot each.
import { fillOf, PAPER, PIXELS_PER_MM, SHADES } from "./style.js";

const LEAST_HEIGHT = 84, MOST_HEIGHT = 260;
const SMALL = { time: 0.04, voltage: 0.1 }, LARGE = { time: 0.2, voltage: 0.5 };

/** A hook that leaves the pen as uPlot knows it. @param {(plot: any) => void} draw */
function kept(draw) {
  return (/** @type {any} */ plot) => { plot.ctx.save(); draw(plot); plot.ctx.restore(); };
}

export class Leads {
  /**
   * @param {HTMLElement} place
   * @param {any} recording
   * @param {any} view  what is shown: start, stop, gain, states, columns, marks, selected, measured
   */
  constructor(place, recording, view) {
    this.place = place;
    this.recording = recording;
    this.view = view;
    place.replaceChildren();
    this.height = Math.max(LEAST_HEIGHT, Math.min(MOST_HEIGHT, Math.floor((innerHeight - 250) / recording.leads.length)));
    /** @type {any[]} */
    this.plots = recording.leads.map((/** @type {string} */ name, /** @type {number} */ lead) => this.made(name, lead));
  }

  get width() { return Math.max(200, Math.floor(this.place.clientWidth)); }

  /** @param {string} name @param {number} lead */
  made(name, lead) {
    const holder = document.createElement("div");
    this.place.append(holder);
    // @ts-ignore uPlot is a script of its own
    return new uPlot({
      width: this.width, height: this.height, padding: [0, 0, 0, 0], legend: { show: false },
      cursor: { show: true, y: false, points: { show: false }, drag: { setScale: false, x: false, y: false }, sync: { key: "leads" } },
      axes: [{ show: false }, { show: false }],
      scales: { x: { time: false, range: () => [this.view.start, this.view.stop] }, y: { range: () => this.range(lead) } },
      series: [{}, { stroke: PAPER.trace, width: 1, spanGaps: false }],
      hooks: {
        drawClear: [kept((plot) => { this.drawPaper(plot); this.drawStates(plot, lead); this.drawGrid(plot); })],
        draw: [kept((plot) => { this.drawMarks(plot, name); this.drawMeasured(plot, lead); this.drawName(plot, name); })],
      },
    }, [[], []], holder);
  }

  /** The range of a lead in its own unit: so many mm per mV around its middle. @param {number} lead */
  range(lead) {
    const values = this.view.values?.[lead];
    const middle = values ? values.middle : 0;
    const perUnit = (this.recording.units === "mV" ? this.view.gain : this.view.gain / (this.view.unit || 1)) * PIXELS_PER_MM;
    const half = this.height / 2 / perUnit;
    return [middle - half, middle + half];
  }

  /** Show new columns of samples. @param {{low: (number|null)[], high: (number|null)[]}[]} columns */
  show(columns) {
    const { start, stop } = this.view;
    this.view.values = columns.map(({ low, high }) => {
      const known = /** @type {number[]} */ (low.concat(high).filter((value) => value !== null)).sort((one, other) => one - other);
      return { middle: known.length ? known[known.length >> 1] : 0, spread: known.length ? known[known.length - 1] - known[0] : 0 };
    });
    if (this.recording.units !== "mV" && !this.view.unit) {
      this.view.unit = Math.max(...this.view.values.map((/** @type {any} */ value) => value.spread)) / 1.5 || 1;
    }
    this.plots.forEach((plot, lead) => {
      const { low, high } = columns[lead];
      const count = low.length, times = new Array(2 * count), values = new Array(2 * count);
      for (let column = 0; column < count; column++) {
        times[2 * column] = times[2 * column + 1] = start + ((column + 0.5) / count) * (stop - start);
        values[2 * column] = low[column];
        values[2 * column + 1] = high[column];
      }
      plot.setData([times, values], false);
      plot.redraw(false, true);
      plot.setScale("x", { min: start, max: stop });
    });
  }

  redraw() { for (const plot of this.plots) plot.redraw(false, false); }

  resize() { for (const plot of this.plots) plot.setSize({ width: this.width, height: this.height }); }

  /** @param {any} plot */
  drawPaper(plot) {
    const { ctx, bbox } = plot;
    ctx.fillStyle = PAPER.ground;
    ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
  }

  /** @param {any} plot @param {number} lead */
  drawStates(plot, lead) {
    const { states, columns } = this.view;
    if (!states?.length) return;
    const { ctx, bbox } = plot;
    const width = bbox.width / columns;
    let first = 0;
    for (let column = 1; column <= columns; column++) {
      const state = states[lead * columns + first];
      if (column < columns && states[lead * columns + column] === state) continue;
      const name = this.recording.states[state];
      if (name && name !== "good") {
        ctx.fillStyle = fillOf(ctx, name);
        ctx.fillRect(bbox.left + first * width, bbox.top, (column - first) * width, bbox.height);
      }
      first = column;
    }
  }

  /** @param {any} plot */
  drawGrid(plot) {
    const { ctx, bbox } = plot;
    const perSecond = bbox.width / (this.view.stop - this.view.start);
    const [low, high] = [plot.scales.y.min, plot.scales.y.max];
    const perUnit = bbox.height / (high - low);
    const known = this.recording.units === "mV";
    for (const [size, colour, least] of /** @type {[typeof SMALL, string, number][]} */ ([[SMALL, PAPER.small, 4], [LARGE, PAPER.large, 4]])) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1;
      ctx.beginPath();
      let step = size.time;
      if (perSecond * step < least) { if (size === SMALL) continue; while (perSecond * step < 12) step *= 5; }
      for (let tick = Math.ceil(this.view.start / step); tick * step < this.view.stop; tick++) {
        const x = Math.round(bbox.left + (tick * step - this.view.start) * perSecond) + 0.5;
        ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height);
      }
      if (known && perUnit * size.voltage >= least) {
        for (let tick = Math.ceil(low / size.voltage); tick * size.voltage < high; tick++) {
          const y = Math.round(bbox.top + (high - tick * size.voltage) * perUnit) + 0.5;
          ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y);
        }
      }
      ctx.stroke();
    }
  }

  /** @param {any} plot @param {string} name */
  drawMarks(plot, name) {
    const { ctx, bbox } = plot;
    for (const mark of this.view.marks) {
      if (mark.lead !== name || mark.stop < this.view.start || mark.start > this.view.stop) continue;
      const left = Math.max(bbox.left, plot.valToPos(mark.start, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(mark.stop, "x", true));
      const chosen = mark === this.view.selected;
      ctx.fillStyle = (SHADES[mark.grade] ?? SHADES.fault).line;
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), chosen ? 8 : 4);
      ctx.strokeStyle = ctx.fillStyle;
      ctx.lineWidth = chosen ? 3 : 1;
      ctx.setLineDash(mark.author === "manual" ? [] : [5, 4]);
      ctx.strokeRect(left + 0.5, bbox.top + 1, Math.max(1, right - left - 1), bbox.height - 3);
      ctx.setLineDash([]);
    }
  }

  /** @param {any} plot @param {number} lead */
  drawMeasured(plot, lead) {
    const measured = this.view.measured;
    if (!measured) return;
    const { ctx, bbox } = plot;
    const left = plot.valToPos(measured.start, "x", true), right = plot.valToPos(measured.stop, "x", true);
    ctx.fillStyle = lead === measured.lead ? "rgba(10, 90, 138, 0.22)" : "rgba(10, 90, 138, 0.08)";
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.fillStyle = "#0a5a8a";
    for (const x of [left, right]) ctx.fillRect(x - 0.5, bbox.top, 1.5, bbox.height);
  }

  /** @param {any} plot @param {string} name */
  drawName(plot, name) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio || 1;
    ctx.font = `600 ${13 * ratio}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    const width = ctx.measureText(name).width;
    ctx.fillStyle = "rgba(255, 250, 247, 0.85)";
    ctx.fillRect(bbox.left + 3, bbox.top + 8 * ratio, width + 6, 16 * ratio);
    ctx.fillStyle = PAPER.trace;
    ctx.fillText(name, bbox.left + 6, bbox.top + 9 * ratio);
  }
}
