// @ts-check
// Annotations as they are corrected: each change is kept at once, and can be undone.
import * as api from "./api.js";

export class Annotations {
  /** @param {number} id @param {string[]} grades @param {(list: any[]) => void} changed @param {(problem: string) => void} failed */
  constructor(id, grades, changed, failed) {
    this.id = id;
    this.grades = grades.filter((grade) => grade !== "good");
    this.changed = changed;
    this.failed = failed;
    this.revision = 0;
    /** @type {any[]} */ this.list = [];
    /** @type {any[][]} */ this.before = [];
    /** @type {any} */ this.selected = null;
    this.saving = Promise.resolve();
  }

  async load() {
    const { revision, annotations } = await api.annotations(this.id);
    this.revision = revision;
    this.list = annotations;
    this.before = [];
    this.changed(this.list);
  }

  /** @param {any[]} list @param {any} selected */
  set(list, selected) {
    this.before.push(this.list);
    this.put(list, selected);
  }

  /** @param {any[]} list @param {any} selected */
  put(list, selected) {
    this.list = [...list].sort((one, other) => one.start - other.start);
    this.selected = selected;
    this.changed(this.list);
    const kept = this.list;
    this.saving = this.saving.then(async () => {
      try {
        this.revision = (await api.keep(this.id, this.revision, kept)).revision;
      } catch (error) {
        this.failed(/** @type {Error} */ (error).message);
      }
    });
  }

  /** @param {string} lead @param {number} start @param {number} stop */
  add(lead, start, stop) {
    const made = { lead, start, stop, grade: this.grades[1], noise: "", fault: "", author: "manual" };
    this.set([...this.list, made], made);
  }

  /** Change the chosen one; who changed it is its author from then on. @param {object} change */
  change(change) {
    if (!this.selected) return;
    const changed = { ...this.selected, ...change, author: "manual" };
    if (!(changed.start < changed.stop)) return;
    this.set(this.list.map((mark) => (mark === this.selected ? changed : mark)), changed);
  }

  regrade() {
    if (!this.selected) return;
    const place = this.grades.indexOf(this.selected.grade);
    this.change({ grade: this.grades[(place + 1) % this.grades.length] });
  }

  remove() {
    if (this.selected) this.set(this.list.filter((mark) => mark !== this.selected), null);
  }

  undo() {
    const list = this.before.pop();
    if (list) this.put(list, null);
  }

  /** The next or previous one from a time on, of any lead. @param {number} second @param {number} direction */
  beside(second, direction) {
    const found = this.list.filter((mark) => (direction > 0 ? mark.start > second + 1e-6 : mark.start < second - 1e-6));
    return direction > 0 ? found[0] : found[found.length - 1];
  }

  /** The one at a place, the shortest of several. @param {string} lead @param {number} second */
  at(lead, second) {
    const there = this.list.filter((mark) => mark.lead === lead && mark.start <= second && second <= mark.stop);
    return there.sort((one, other) => one.stop - one.start - (other.stop - other.start))[0] ?? null;
  }
}
