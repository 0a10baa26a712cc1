/** Frames in time: play, pause, and one slider for whatever is shown in step. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

export class Player {
  /** @param {(frame: number) => void} show @param {string} name what the slider is of */
  constructor(show, name = "Frame") {
    this.show = show;
    this.frames = 1;
    this.fps = 8;
    this.frame = 0;
    this.timer = null;
    this.toggle = h(
      "button",
      { type: "button", class: "icon", "aria-label": "Play", on: { click: () => this.toggled() } },
      icon("play"),
    );
    this.slider = h("input", {
      type: "range",
      min: 0,
      max: 0,
      step: 1,
      value: 0,
      "aria-label": name,
      on: { input: () => this.went(this.slider.valueAsNumber) },
    });
    this.label = h("output", { class: "frame-label" });
    this.element = h("div", { class: "player" }, this.toggle, this.slider, this.label);
    this.update();
  }

  /** What is shown has so many frames, at so many a second. */
  of(frames, fps) {
    [this.frames, this.fps] = [Math.max(frames, 1), fps || 8];
    if (this.frame >= this.frames) this.frame = this.frames - 1;
    this.update();
  }

  /** @param {number} frame shown without telling, if it is told from elsewhere */
  at(frame) {
    this.frame = Math.min(Math.max(frame, 0), this.frames - 1);
    this.update();
  }

  went(frame) {
    this.at(frame);
    this.show(this.frame);
  }

  step(by) {
    this.pause();
    this.went((this.frame + by + this.frames) % this.frames);
  }

  toggled() {
    if (this.timer) return this.pause();
    this.timer = setInterval(() => this.went((this.frame + 1) % this.frames), 1000 / this.fps);
    this.update();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.update();
  }

  update() {
    this.slider.max = this.frames - 1;
    this.slider.value = this.frame;
    this.slider.setAttribute("aria-valuetext", `frame ${this.frame + 1} of ${this.frames}`);
    this.label.textContent = `${this.frame + 1} / ${this.frames}`;
    const playing = Boolean(this.timer);
    if (this.toggle.dataset.playing !== String(playing)) {
      this.toggle.dataset.playing = String(playing);
      this.toggle.setAttribute("aria-label", playing ? "Pause" : "Play");
      this.toggle.replaceChildren(icon(playing ? "pause" : "play"));
    }
  }
}
