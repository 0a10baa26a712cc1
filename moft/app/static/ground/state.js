/**
 * What the page knows: the document, which can be undone and outlives the tab, and how it is looked at, which
 * does not.
 *
 * @typedef {{id: string, name: string, frames: number, width: number, height: number, fps: number | null}}
 *   Clip
 * @typedef {{clip: Clip | null, size: import("../draw/layers.js").Size, scene: Record<string, any>,
 *   settings: Record<string, any>, retries: number, layers: import("../draw/layers.js").Layer[]}} Document
 */

import { load, save } from "./draft.js";
import { fitted } from "../draw/layers.js";
import { History } from "./undo.js";

/** Where the drawing begins before the model has said its size. */
const SIZE = { frames: 8, width: 64, height: 64 };

/** @returns {Document} */
export function emptyDocument() {
  return { clip: null, size: SIZE, scene: { prompt: "", seed: 0 }, settings: {}, retries: 0, layers: [] };
}

export class State {
  constructor() {
    this.history = new History(load() ?? emptyDocument());
    /** @type {Document | null} what a hand is just drawing */
    this.sketch = null;
    this.view = { chosen: null, key: null, tool: "choose", frame: 0, zoom: 1, brush: 8, erase: false };
    this.listeners = new Set();
    this.sized = false; // whether the model said how large its clips are
    this.view.chosen = this.doc.layers[0]?.id ?? null;
  }

  /** @returns {Document} */
  get doc() {
    return this.sketch ?? this.history.now;
  }

  get layer() {
    return this.doc.layers.find(({ id }) => id === this.view.chosen) ?? null;
  }

  /** The chosen layer without what a hand is just drawing. */
  get kept() {
    return this.history.now.layers.find(({ id }) => id === this.view.chosen) ?? null;
  }

  /** Be told of every change. @param {() => void} listener */
  heard(listener) {
    this.listeners.add(listener);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  /** @param {Partial<Document>} change @param {string} label as undo names it */
  commit(change, label, merge = "") {
    this.sketch = null;
    this.history.commit({ ...this.history.now, ...change }, label, merge);
    this.saved();
  }

  /**
   * Show a change that a hand has not finished; null gives it up.
   * @param {Partial<Document> | null} change
   */
  draw(change) {
    this.sketch = change && { ...this.history.now, ...change };
    this.tell();
  }

  /** Put one layer in the place of its older self. */
  commitLayer(layer, label, merge = "") {
    this.commit({ layers: this.withLayer(layer) }, label, merge);
  }

  drawLayer(layer) {
    this.draw({ layers: this.withLayer(layer) });
  }

  withLayer(layer) {
    const { layers } = this.history.now;
    return layers.some(({ id }) => id === layer.id)
      ? layers.map((one) => (one.id === layer.id ? layer : one))
      : [...layers, layer];
  }

  /** Change how it is looked at. */
  look(change) {
    Object.assign(this.view, change);
    this.tell();
  }

  /** The clip that is made gets another size: what was drawn goes with it. */
  resize(size, label, more = {}) {
    const { layers, size: before } = this.history.now;
    this.commit({ ...more, size, layers: fitted(layers, before, size) }, label);
    if (this.view.frame >= size.frames) this.view.frame = size.frames - 1;
    this.tell();
  }

  undo() {
    return this.went(this.history.undo());
  }

  redo() {
    return this.went(this.history.redo());
  }

  went(label) {
    this.sketch = null;
    if (label) this.saved();
    return label;
  }

  saved() {
    if (!this.layer) this.view.chosen = this.doc.layers[this.doc.layers.length - 1]?.id ?? null;
    save(this.history.now);
    this.tell();
  }
}
