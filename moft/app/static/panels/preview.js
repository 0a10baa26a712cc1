/** What the request would look like, without the model: the picture carried along, and arrows. */

import { jobOf, problemsOf } from "../draw/requests.js";
import { api } from "../ground/api.js";
import { failed } from "../ground/notices.js";

const WAIT = 15; // ms after the last change of the drawing

export class Preview {
  /** @param {import("../ground/state.js").State} state @param {import("../ground/world.js").World} world */
  constructor(state, world) {
    this.state = state;
    this.world = world;
    this.on = false;
    this.found = null;
    this.asked = null;
    this.listeners = new Set();
    state.heard(() => this.changed());
  }

  heard(listener) {
    this.listeners.add(listener);
  }

  toggle() {
    this.on = !this.on;
    this.asked = null;
    if (!this.on) this.found = null;
    this.tell();
    return this.changed();
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  changed() {
    const { doc, sketch } = this.state;
    if (!this.on || sketch) return;
    const asked = [doc.layers, doc.size, doc.clip];
    if (this.asked && asked.every((one, i) => one === this.asked[i])) return;
    this.asked = asked;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(asked), WAIT);
  }

  async ask(asked) {
    const { doc } = this.state;
    if (problemsOf(doc.layers).length) return this.show(null);
    try {
      const job = await jobOf(doc, this.world.files);
      const found = await api.preview({
        job,
        media: doc.clip?.id ?? null,
        frame: 0,
        size: doc.size,
        most: 24,
      });
      if (asked !== this.asked) return; // drawn on meanwhile
      await Promise.all(found.frames.slice(0, 2).map(decoded));
      this.show(found);
    } catch (error) {
      this.show(null);
      failed(error);
    }
  }

  show(found) {
    this.found = this.on ? found : null;
    this.tell();
  }

  /** The picture at a frame, or null. */
  pictureAt(frame) {
    return this.found ? this.found.frames[this.near(frame)] : null;
  }

  /** What moves at a frame. @returns {Array<{at: any, step: any}>} */
  arrowsAt(frame) {
    if (!this.found) return [];
    const { places, steps } = this.found.arrows;
    const now = steps[Math.min(this.near(frame), steps.length - 1)] ?? [];
    return places.flatMap(([x, y], i) =>
      now[i] ? [{ at: { x: x + 0.5, y: y + 0.5 }, step: { x: now[i][0], y: now[i][1] } }] : [],
    );
  }

  near(frame) {
    const { at } = this.found;
    return at.reduce((best, one, i) => (Math.abs(one - frame) < Math.abs(at[best] - frame) ? i : best), 0);
  }
}

async function decoded(source) {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
}
