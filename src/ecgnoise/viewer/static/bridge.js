// @ts-check
// In a notebook: what the page asks goes to the widget around its frame, and from there to the kernel.
(() => {
  /** @typedef {{ resolve: (answer: Response) => void, reject: (error: Error) => void }} Waiting */
  const waiting = /** @type {Map<number, Waiting>} */ (new Map());
  let count = 0;

  /** @param {BodyInit | null | undefined} body */
  const bytes = async (body) => (body ? await new Response(body).arrayBuffer() : null);

  /** @param {RequestInfo | URL} path @param {RequestInit} [options] @returns {Promise<Response>} */
  window.fetch = async (path, options = {}) => {
    const id = ++count;
    const body = await bytes(options.body);
    return new Promise((resolve, reject) => {
      const stop = () => { waiting.delete(id); reject(new DOMException("stopped", "AbortError")); };
      if (options.signal?.aborted) return stop();
      options.signal?.addEventListener("abort", stop);
      waiting.set(id, { resolve, reject });
      const asked = { id, path: String(path), method: options.method ?? "GET", headers: options.headers ?? {}, body };
      parent.postMessage({ ecgnoise: asked }, "*");
    });
  };

  window.addEventListener("message", (event) => {
    const answer = event.data?.ecgnoise;
    if (event.source !== parent || !answer) return;
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    asked?.resolve(new Response(answer.body, { status: answer.status, headers: answer.headers }));
  });

  window.addEventListener("click", async (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[download]") : null;
    const path = link?.getAttribute("href");
    if (!path || path.startsWith("blob:")) return;
    event.preventDefault();
    const answer = await window.fetch(path);
    const saved = document.createElement("a");
    saved.href = URL.createObjectURL(await answer.blob());
    saved.download = decodeURIComponent(answer.headers.get("content-disposition")?.split("''")[1] ?? "annotations");
    document.body.append(saved);
    saved.click();
    saved.remove();
    setTimeout(() => URL.revokeObjectURL(saved.href), 1000);
  }, true);

  history.replaceState = () => {}; // the frame has no address
})();
