/** What was done, to be undone: whole documents, which share all that did not change. */

const MOST = 200;

/** @template T */
export class History {
  /** @param {T} start */
  constructor(start) {
    this.now = start;
    /** @type {Array<{label: string, before: T}>} */
    this.past = [];
    /** @type {Array<{label: string, after: T}>} */
    this.future = [];
    this.merging = "";
  }

  /**
   * Take another document in its place.
   * @param {string} label what was done, as undo names it
   * @param {string} [merge] steps one after the other under this name are undone together
   */
  commit(next, label, merge = "") {
    if (next === this.now) return;
    if (!merge || merge !== this.merging) this.past.push({ label, before: this.now });
    if (this.past.length > MOST) this.past.shift();
    this.merging = merge;
    this.future = [];
    this.now = next;
  }

  /** @returns {string | null} what was undone */
  undo() {
    const step = this.past.pop();
    if (!step) return null;
    this.future.push({ label: step.label, after: this.now });
    this.now = step.before;
    this.merging = "";
    return step.label;
  }

  /** @returns {string | null} what was done again */
  redo() {
    const step = this.future.pop();
    if (!step) return null;
    this.past.push({ label: step.label, before: this.now });
    this.now = step.after;
    this.merging = "";
    return step.label;
  }
}
