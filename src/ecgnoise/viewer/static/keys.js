// @ts-check
// Every key and what it does; the page's help is made of the same list.

/** @type {[string, string[], string, string][]} name shown, keys, action, words */
export const KEYS = [
  ["←", ["ArrowLeft"], "left", "a quarter of the view back"],
  ["→", ["ArrowRight"], "right", "a quarter of the view on"],
  ["Page Up", ["PageUp"], "back", "a page back"],
  ["Page Down", ["PageDown"], "on", "a page on"],
  ["Home", ["Home"], "start", "to the start"],
  ["End", ["End"], "end", "to the end"],
  ["+", ["+", "="], "in", "zoom in"],
  ["-", ["-"], "out", "zoom out"],
  ["n", ["n"], "next", "to the next annotated noise"],
  ["p", ["p"], "previous", "to the previous annotated noise"],
  ["a", ["a"], "add", "annotate what is measured, or a second around the cursor"],
  ["[", ["["], "edge-start", "the chosen annotation starts at the cursor"],
  ["]", ["]"], "edge-stop", "the chosen annotation ends at the cursor"],
  ["g", ["g"], "grade", "the next grade for the chosen annotation"],
  ["Delete", ["Delete", "Backspace"], "delete", "delete the chosen annotation"],
  ["u", ["u"], "undo", "undo the last change"],
  ["Escape", ["Escape"], "clear", "choose and measure nothing"],
  ["?", ["?"], "help", "show these keys"],
];

/** @param {Record<string, () => void>} actions @param {() => boolean} active */
export function listen(actions, active) {
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (!active() || event.ctrlKey || event.metaKey || event.altKey || target.matches("input:not([type=checkbox]), select, textarea")) return;
    const found = KEYS.find(([, keys]) => keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    actions[found[2]]();
  });
}

/** @param {HTMLElement} place */
export function describe(place) {
  place.replaceChildren(...KEYS.flatMap(([name, , , words]) => {
    const term = document.createElement("dt"), meaning = document.createElement("dd"), key = document.createElement("kbd");
    key.textContent = name;
    term.append(key);
    meaning.textContent = words;
    return [term, meaning];
  }));
}
