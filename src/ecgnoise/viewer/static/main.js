// @ts-check
// The page: a list of recordings, or one of them.
import * as api from "./api.js";
import { Annotations } from "./annotations.js";
import { describe, listen } from "./keys.js";
import { showList, sortable } from "./list.js";
import { drawOverview } from "./overview.js";
import { clock, markWords, measuredWords, showInstant, showSpans } from "./panel.js";
import { Leads } from "./plot.js";

const FIRST_SECONDS = 10, LEAST_SECONDS = 0.2, STATE_COLUMNS = 700, OVERVIEW_COLUMNS = 1000, POLL = 700, REST = 60;

/** @template {HTMLElement} T @param {string} id @returns {T} */
const element = (id) => /** @type {T} */ (document.getElementById(id));
const overview = /** @type {HTMLCanvasElement} */ (element("overview"));
const leadsPlace = element("leads");
const entries = /** @type {any[]} */ ([]);

/** @type {any} */ let recording = null;
/** @type {any} */ let leads = null;
/** @type {any} */ let marks = null;
/** @type {any} */ let whole = new Uint8Array(0);
/** @type {any} */ let columns = [];
let cursor = 0, wanted = 0, asking = /** @type {AbortController | null} */ (null), polling = 0, opening = 0;
const view = /** @type {any} */ ({ start: 0, stop: FIRST_SECONDS, gain: 10, states: null, columns: STATE_COLUMNS, marks: [], selected: null, measured: null, unit: 0 });

/** @param {string} words */
const problem = (words) => { element("problem").textContent = words; };

/** @param {() => Promise<any>} work */
async function guarded(work) {
  try {
    problem("");
    return await work();
  } catch (error) {
    if (/** @type {Error} */ (error).name !== "AbortError") problem(/** @type {Error} */ (error).message);
  }
}

async function list() {
  clearTimeout(polling);
  opening += 1;
  recording = null;
  element("viewer").hidden = true;
  element("list").hidden = false;
  element("name").textContent = "";
  const found = await guarded(api.listed);
  if (!found) return;
  entries.splice(0, entries.length, ...found);
  showList(element("recordings"), entries, open);
  element("verdict").textContent = entries.length ? `${entries.length} recording${entries.length > 1 ? "s" : ""}` : "Drop a recording on this page, or choose one.";
}

/** @param {number} id */
async function open(id) {
  const turn = ++opening;
  await guarded(async () => {
    const found = await api.described(id);
    if (turn !== opening) return;
    recording = found;
    const address = new URLSearchParams(location.search);
    const start = Number(address.get("t") ?? 0) || 0;
    Object.assign(view, { states: null, marks: [], selected: null, measured: null, unit: 0 });
    element("list").hidden = true;
    element("viewer").hidden = false;
    element("name").textContent = found.name;
    leads = new Leads(leadsPlace, recording, view);
    marks = new Annotations(id, recording.grades, showMarks, problem);
    element("exports").replaceChildren(...recording.exports.map(exportLink));
    whole = new Uint8Array(0);
    const length = Math.min(FIRST_SECONDS, recording.seconds);
    cursor = start;
    show(Math.min(start, recording.seconds - length), length);
    const lead = recording.leads.indexOf(address.get("lead"));
    if (lead > 0) leads.plots[lead].root.scrollIntoView({ block: "center" });
    leadsPlace.focus({ preventScroll: true });
    follow(turn);
  });
}

/** @param {string} form */
function exportLink(form) {
  const link = document.createElement("a");
  link.className = "export";
  link.href = `api/recordings/${recording.id}/export/${form}`;
  link.textContent = form;
  link.setAttribute("download", "");
  return link;
}

/** Ask how far it is until it is read and scored. @param {number} turn */
async function follow(turn) {
  await guarded(async () => {
    const found = await api.described(recording.id);
    if (turn !== opening) return;
    const before = recording;
    recording = leads.recording = found;
    const done = found.scored >= 1 && found.verdict;
    element("verdict").textContent = found.failure || (done ? found.verdict : `scoring: ${Math.round(100 * found.scored)} %`);
    if (found.failure) problem(found.failure);
    if (done && !before.verdict || done && !marks.loaded) {
      marks.loaded = true;
      await marks.load();
      whole = await api.states(found.id, 0, found.seconds, OVERVIEW_COLUMNS);
      refresh();
    } else if (found.read !== before.read) {
      refresh();
    }
    if (turn === opening && !found.failure && (!done || found.read < 1)) polling = setTimeout(() => follow(turn), POLL);
  });
}

/** Show a stretch of time. @param {number} start @param {number} length */
function show(start, length) {
  const most = recording.seconds;
  const held = Math.min(Math.max(length, Math.min(LEAST_SECONDS, most)), most);
  view.start = Math.min(Math.max(0, start), most - held);
  view.stop = view.start + held;
  refresh();
}

function refresh() {
  offerFilters();
  drawOverview(overview, recording, whole, OVERVIEW_COLUMNS, view);
  element("where").textContent = `${clock(view.start, recording.start)} to ${clock(view.stop, recording.start)} (${(view.stop - view.start).toFixed(1)} s of ${recording.seconds.toFixed(1)} s)`;
  const address = new URL(location.href);
  address.searchParams.set("id", String(recording.id));
  address.searchParams.set("t", view.start.toFixed(2));
  history.replaceState(null, "", address);
  const turn = ++wanted;
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  guarded(async () => {
    const width = Math.max(1, Math.min(leads.width, Math.floor(length() * recording.sampling_frequency)));
    const [values, states] = await Promise.all([
      api.samples(recording.id, recording.leads.length, view.start, view.stop, width, filters(), signal),
      api.states(recording.id, view.start, view.stop, STATE_COLUMNS, signal),
    ]);
    if (turn !== wanted) return;
    view.states = states;
    columns = values;
    leads.show(values);
    document.body.dataset.shown = `${view.start.toFixed(2)}-${view.stop.toFixed(2)}`;
    look();
  });
}

/** Only filters that do something can be chosen: of what the recording holds, and in views that are not too long. */
function offerFilters() {
  const long = view.stop - view.start > recording.filter_seconds;
  /** @type {HTMLFieldSetElement} */ (element("filters")).disabled = long;
  element("filters-why").textContent = long ? `, in views up to ${recording.filter_seconds / 60} min` : "";
  for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[name=filter]"))) {
    box.disabled = !recording.filters.includes(box.value);
    box.checked = box.checked && !box.disabled;
  }
}

function filters() {
  return [...document.querySelectorAll("input[name=filter]:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
}

let looking = 0;
/** What is known where the cursor is. */
function look() {
  clearTimeout(looking);
  looking = setTimeout(() => guarded(async () => {
    if (!recording) return;
    if (cursor < view.start || cursor > view.stop) cursor = (view.start + view.stop) / 2;
    showInstant(element("panel"), await api.instant(recording.id, cursor));
  }), REST);
}

/** @param {any[]} found */
function showMarks(found) {
  view.marks = found;
  view.selected = marks.selected;
  element("selected").textContent = marks.selected ? markWords(marks.selected) : "None is chosen. Drag over a lead to measure; press a to annotate what is measured.";
  showSpans(element("spans"), found);
  leads.redraw();
}

/** @param {any} mark */
function choose(mark) {
  marks.selected = mark;
  showMarks(marks.list);
}

/** @param {number} direction */
function beside(direction) {
  const from = marks.selected ? marks.selected.start : cursor;
  const found = marks.beside(from, direction);
  if (!found) return;
  cursor = found.start;
  const length = view.stop - view.start;
  if (found.start < view.start || found.start > view.stop) show(found.start - length / 4, length);
  choose(found);
  look();
}

const length = () => view.stop - view.start;
/** @type {Record<string, () => void>} */
const actions = {
  left: () => show(view.start - length() / 4, length()),
  right: () => show(view.start + length() / 4, length()),
  back: () => show(view.start - length(), length()),
  on: () => show(view.start + length(), length()),
  start: () => show(0, length()),
  end: () => show(recording.seconds, length()),
  in: () => show((view.start + view.stop) / 2 - length() / 4, length() / 2),
  out: () => show((view.start + view.stop) / 2 - length(), 2 * length()),
  next: () => beside(1),
  previous: () => beside(-1),
  add: () => {
    const measured = view.measured ?? { lead: hovered, start: Math.max(0, cursor - 0.5), stop: Math.min(recording.seconds, cursor + 0.5) };
    if (!recording.verdict) { problem("The recording is not scored yet: wait until it is."); return; }
    if (measured.stop > measured.start) marks.add(recording.leads[measured.lead], measured.start, measured.stop);
    view.measured = null;
    leads.redraw();
  },
  "edge-start": () => marks.change({ start: Math.min(cursor, marks.selected?.stop ?? cursor) }),
  "edge-stop": () => marks.change({ stop: Math.max(cursor, marks.selected?.start ?? cursor) }),
  grade: () => marks.regrade(),
  delete: () => marks.remove(),
  undo: () => marks.undo(),
  clear: () => { view.measured = null; choose(null); },
  help: () => {
    const keys = element("keys");
    keys.hidden = !keys.hidden;
    element("help").setAttribute("aria-expanded", String(!keys.hidden));
  },
};

let hovered = 0;
/** @param {PointerEvent} event */
function placeOf(event) {
  const lead = leads.plots.findIndex((/** @type {any} */ plot) => plot.root.contains(/** @type {Node} */ (event.target)));
  const box = leadsPlace.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - box.left) / leads.width));
  return { lead: lead < 0 ? hovered : lead, second: view.start + share * length() };
}

let pressed = /** @type {{lead: number, second: number, x: number, start: number, pan: boolean} | null} */ (null);
leadsPlace.addEventListener("pointerdown", (event) => {
  const place = placeOf(event);
  pressed = { ...place, x: event.clientX, start: view.start, pan: event.pointerType === "touch" };
});
addEventListener("pointermove", (event) => {
  if (!recording || !leads) return;
  const inside = leadsPlace.contains(/** @type {Node} */ (event.target));
  if (!inside && !pressed) return;
  const place = placeOf(event);
  if (pressed && Math.abs(event.clientX - pressed.x) > 4) {
    if (pressed.pan) { show(pressed.start - ((event.clientX - pressed.x) / leads.width) * length(), length()); return; }
    view.measured = { lead: pressed.lead, start: Math.min(pressed.second, place.second), stop: Math.max(pressed.second, place.second) };
    leads.redraw();
    const { lead, start, stop } = view.measured;
    element("cursor").textContent = measuredWords(view.measured, recording.leads[lead], heightOf(lead, start, stop), recording.units);
    return;
  }
  if (!inside) return;
  hovered = place.lead;
  cursor = place.second;
  const value = valueAt(hovered, cursor);
  element("cursor").textContent = `${clock(cursor, recording.start)} (${cursor.toFixed(3)} s), ${recording.leads[hovered]}${value === null ? "" : `: ${value.toFixed(3)} ${recording.units === "mV" ? "mV" : ""}`}`;
  look();
});
addEventListener("pointerup", (event) => {
  if (!pressed) return;
  const moved = Math.abs(event.clientX - pressed.x) > 4, place = pressed;
  pressed = null;
  if (moved) return;
  view.measured = null;
  cursor = place.second;
  choose(marks.at(recording.leads[place.lead], place.second));
});
leadsPlace.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && Math.abs(event.deltaX) < Math.abs(event.deltaY) && !event.shiftKey) return;
  event.preventDefault();
  const box = leadsPlace.getBoundingClientRect();
  const share = (event.clientX - box.left) / leads.width;
  if (event.ctrlKey) {
    const factor = event.deltaY > 0 ? 1.25 : 0.8, at = view.start + share * length();
    show(at - share * length() * factor, length() * factor);
  } else {
    show(view.start + ((event.deltaX || event.deltaY) / leads.width) * length(), length());
  }
}, { passive: false });

/** @param {number} lead @param {number} second */
function valueAt(lead, second) {
  const found = columns[lead];
  if (!found) return null;
  const column = Math.min(found.low.length - 1, Math.max(0, Math.floor(((second - view.start) / length()) * found.low.length)));
  const [low, high] = [found.low[column], found.high[column]];
  return low === null ? null : (low + high) / 2;
}

/** @param {number} lead @param {number} start @param {number} stop */
function heightOf(lead, start, stop) {
  const found = columns[lead];
  if (!found) return null;
  const count = found.low.length;
  const [first, last] = [start, stop].map((second) => Math.floor(((second - view.start) / length()) * count));
  const low = found.low.slice(first, last + 1).filter((/** @type {any} */ value) => value !== null);
  const high = found.high.slice(first, last + 1).filter((/** @type {any} */ value) => value !== null);
  return low.length ? Math.max(...high) - Math.min(...low) : null;
}

/** @param {PointerEvent} event */
function jump(event) {
  const box = overview.getBoundingClientRect();
  show(((event.clientX - box.left) / box.width) * recording.seconds - length() / 2, length());
}
overview.addEventListener("pointerdown", (event) => { overview.setPointerCapture(event.pointerId); jump(event); });
overview.addEventListener("pointermove", (event) => { if (event.buttons) jump(event); });

for (const id of ["start", "back", "out", "in", "on", "end", "previous", "next", "help", "add", "edge-start", "edge-stop", "grade", "delete", "undo"]) {
  element(id).addEventListener("click", () => actions[id]());
}
element("to-list").addEventListener("click", () => {
  history.replaceState(null, "", location.pathname);
  list();
});
element("gain").addEventListener("change", (event) => {
  view.gain = Number(/** @type {HTMLSelectElement} */ (event.target).value);
  refresh();
});
for (const box of document.querySelectorAll("input[name=filter]")) box.addEventListener("change", () => refresh());
addEventListener("resize", () => { if (recording) { leads.resize(); refresh(); } });

/** @param {FileList | File[]} files */
async function take(files) {
  /** @type {number | null} */ let last = null;
  for (const file of files) {
    element("verdict").textContent = `reading ${file.name}`;
    const found = await guarded(() => api.upload(file));
    if (found) last = found.id;
  }
  if (last === null) return;
  await list();
  await open(last);
}
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer?.files.length) take(event.dataTransfer.files);
});
element("file").addEventListener("change", (event) => take(/** @type {any} */ (event.target).files ?? []));

describe(/** @type {HTMLElement} */ (element("keys").querySelector("dl")));
listen(actions, () => recording !== null);
sortable(element("recordings"), entries, open);

const asked = new URLSearchParams(location.search);
await list();
if (asked.has("id")) {
  const address = new URL(location.href);
  if (asked.get("t")) address.searchParams.set("t", /** @type {string} */ (asked.get("t")));
  history.replaceState(null, "", address);
  await open(Number(asked.get("id")));
} else if (entries.length === 1) {
  await open(entries[0].id);
}
