// @ts-check
// What the page asks its server.

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(`api/${path}`, options);
  } catch (error) {
    throw new Error("The program behind this page has ended, or cannot be reached.");
  }
  if (response.ok) return response;
  let words = `The server answered ${response.status}.`;
  try { words = (await response.json()).error ?? words; } catch { /* no words */ }
  throw new Error(words);
}

export const listed = async () => (await ask("recordings")).json();
/** @param {number} id */
export const described = async (id) => (await ask(`recordings/${id}`)).json();
/** @param {number} id @param {number} second */
export const instant = async (id, second) => (await ask(`recordings/${id}/instant?t=${second}`)).json();
/** @param {number} id */
export const annotations = async (id) => (await ask(`recordings/${id}/annotations`)).json();
/** @param {number} id @param {number} revision @param {object[]} list */
export const keep = async (id, revision, list) => (await ask(`recordings/${id}/annotations`, {
  method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ revision, annotations: list }),
})).json();
/** @param {File} file */
export const upload = async (file) => (await ask("recordings", {
  method: "POST", headers: { "x-filename": encodeURIComponent(file.name) }, body: file,
})).json();

/**
 * Lowest and highest values of each lead in columns of time, null where there are none.
 * @param {number} id @param {number} leads @param {number} start @param {number} stop @param {number} columns
 * @param {string[]} filters @param {AbortSignal} signal
 */
export async function samples(id, leads, start, stop, columns, filters, signal) {
  const query = `start=${start}&stop=${stop}&columns=${columns}&filter=${encodeURIComponent(filters.join(","))}`;
  return unpacked(await (await ask(`recordings/${id}/samples?${query}`, { signal })).arrayBuffer(), leads, columns);
}

/** Values of what the server packed in 16 bit. @param {ArrayBuffer} content @param {number} leads @param {number} columns */
export function unpacked(content, leads, columns) {
  const scale = new Float32Array(content, 0, leads);
  const steps = new Int16Array(content, 4 * leads);
  const MISSING = -32768;
  return Array.from({ length: leads }, (_, lead) => {
    const low = new Array(columns), high = new Array(columns);
    for (let column = 0; column < columns; column++) {
      const bottom = steps[lead * columns + column], top = steps[(leads + lead) * columns + column];
      low[column] = bottom === MISSING ? null : bottom * scale[lead];
      high[column] = top === MISSING ? null : top * scale[lead];
    }
    return { low, high };
  });
}

/** @param {number} id @param {number} start @param {number} stop @param {number} columns @param {AbortSignal} [signal] */
export async function states(id, start, stop, columns, signal) {
  const query = `start=${start}&stop=${stop}&columns=${columns}`;
  return new Uint8Array(await (await ask(`recordings/${id}/states?${query}`, { signal })).arrayBuffer());
}
