// @ts-check
// The viewer in a notebook: a frame with the page, whose questions go to the kernel and whose answers come back.

/**
 * @typedef {{
 *   get: (name: string) => any,
 *   send: (content: object, callbacks?: object, buffers?: (ArrayBuffer | ArrayBufferView)[]) => void,
 *   on: (name: string, work: (...values: any[]) => void) => void,
 *   off: (name: string, work: (...values: any[]) => void) => void,
 * }} Model
 */

/** @param {{ model: Model, el: HTMLElement }} place */
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = "ecgnoise: recordings and their noise";
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  frame.style.cssText = `border: 0; width: 100%; height: ${model.get("height")}px`;
  frame.srcdoc = model.get("page");
  const mine = crypto.randomUUID?.() ?? String(Math.random());

  /** @param {MessageEvent} event */
  const asked = (event) => {
    const request = event.data?.ecgnoise;
    if (event.source !== frame.contentWindow || !request) return;
    const { body, ...rest } = request;
    model.send({ ...rest, view: mine }, undefined, body ? [body] : []);
  };
  /** @param {any} answer @param {DataView[]} buffers */
  const answered = (answer, buffers) => {
    if (answer.view !== mine) return;
    const { view, ...rest } = answer;
    const body = buffers.length ? new Uint8Array(buffers[0].buffer, buffers[0].byteOffset, buffers[0].byteLength) : null;
    frame.contentWindow?.postMessage({ ecgnoise: { ...rest, body: body?.slice() } }, "*");
  };
  window.addEventListener("message", asked);
  model.on("msg:custom", answered);
  el.append(frame);
  return () => {
    window.removeEventListener("message", asked);
    model.off("msg:custom", answered);
  };
}

export default { render };
