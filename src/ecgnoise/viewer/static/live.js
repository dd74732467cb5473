// @ts-check
// The last minute of a stream, as it comes.
import { unpacked } from "./api.js";
import { clock, showInstant } from "./panel.js";
import { Leads } from "./plot.js";

const EVERY = 500, LONGEST_SILENCE = 10;
const element = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const view = /** @type {any} */ ({ start: 0, stop: 60, gain: 10, states: null, columns: 600, marks: [], selected: null, measured: null, unit: 0 });
/** @type {any} */ let leads = null;
let failures = 0;

async function refresh() {
  try {
    const found = await (await fetch("api/live")).json();
    leads ??= new Leads(element("leads"), found, view);
    const width = Math.min(leads.width, Math.floor(found.shown * found.sampling_frequency));
    const answer = await fetch(`api/live/samples?columns=${width}`);
    const stop = Number(answer.headers.get("x-stop"));
    Object.assign(view, { start: stop - found.shown, stop });
    const columns = unpacked(await answer.arrayBuffer(), found.leads.length, width);
    view.states = new Uint8Array(await (await fetch("api/live/states")).arrayBuffer());
    leads.show(columns);
    element("verdict").textContent = found.verdict || "Waiting for ten seconds of samples.";
    element("where").textContent = `${clock(Math.max(0, stop - found.shown), null)} to ${clock(stop, null)}`;
    showInstant(element("panel"), found.instant);
    element("problem").textContent = "";
    document.body.dataset.shown = String(stop);
    failures = 0;
  } catch {
    failures += 1;
    element("problem").textContent = "The stream has ended, or cannot be reached.";
  }
  if (failures < LONGEST_SILENCE) setTimeout(refresh, EVERY);
}

addEventListener("resize", () => leads?.resize());
refresh();
