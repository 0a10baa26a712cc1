/** Frames and keys: the scrubber, and for the chosen layer when it is where. */

import { keysIn } from "../draw/grips.js";
import { EASES, ordered, placeAt, withKey } from "../draw/timing.js";
import { choice, h, show } from "../ground/dom.js";
import { Player } from "../ground/player.js";
import { iconButton } from "./layers.js";
import { watch } from "../ground/watch.js";

/** @param {import("../ground/state.js").State} state */
export function timeline(state) {
  const player = new Player((frame) => state.look({ frame }), "Frame of the clip");
  const tracks = h("div", { class: "tracks" });
  const element = h("section", { class: "timeline", "aria-label": "Time" }, player.element, tracks);
  const render = () => {
    player.of(state.doc.size.frames, state.doc.scene.fps ?? state.doc.clip?.fps ?? 8);
    player.at(state.view.frame);
  };
  const keys = () => {
    if (state.sketch) return; // rows that come would shrink the picture under the hand
    show(tracks, state.layer ? keysIn(state.layer).map((track) => row(state, track)) : null);
  };
  state.heard(render);
  render();
  watch([state], () => [state.layer, state.sketch, state.view.frame, state.view.key, state.doc.size], keys);
  return { element, player };
}

function row(state, track) {
  const { frames } = state.doc.size;
  const name = (key) => `${track.name} ${key.frame}`;
  const chosen = track.keys.find((key) => name(key) === state.view.key);
  const diamonds = track.keys.map((key) => diamond(state, track, key, key === chosen));
  const here = track.keys.some(({ frame }) => frame === state.view.frame);
  const add = () =>
    state.commitLayer(
      track.with(withKey(track.keys, state.view.frame, placeAt(track.keys, state.view.frame))),
      "set a key",
    );
  return h(
    "div",
    { class: "track" },
    h("span", { class: "track-name" }, track.label),
    h(
      "div",
      { class: "keys", style: { "--frames": frames - 1 } },
      h("span", { class: "playhead", style: { "--at": state.view.frame } }),
      diamonds,
    ),
    here
      ? null
      : iconButton("plus", `Set a key of ${track.label} at frame ${state.view.frame + 1}`, add, {
          "data-key": `add ${track.name}`,
        }),
    chosen && chosen !== track.keys[0] ? easeOf(state, track, chosen) : null,
  );
}

function easeOf(state, track, key) {
  const set = (ease) =>
    state.commitLayer(
      track.with(track.keys.map((one) => (one === key ? { ...one, ease: ease || undefined } : one))),
      "ease",
    );
  const options = [["", "evenly"], ...Object.keys(EASES).map((one) => [one, `ease ${one}`])];
  return choice(key.ease ?? "", /** @type {any} */ (options), set, {
    "aria-label": `How it gets to frame ${key.frame + 1}`,
    class: "small",
    "data-key": `ease ${track.name}`,
  });
}

function diamond(state, track, key, chosen) {
  const { frames } = state.doc.size;
  const to = (frame, merge = "") => {
    const at = Math.min(Math.max(Math.round(frame), 0), frames - 1);
    if (at === key.frame || track.keys.some((one) => one.frame === at)) return;
    const keys = ordered(track.keys.map((one) => (one === key ? { ...one, frame: at } : one)));
    Object.assign(state.view, { frame: at, key: `${track.name} ${at}` });
    state.commitLayer(track.with(keys), "move a key", merge);
  };
  const without = () =>
    track.keys.length > 1 &&
    state.commitLayer(track.with(track.keys.filter((one) => one !== key)), "remove a key");
  const choose = () => state.look({ key: `${track.name} ${key.frame}`, frame: key.frame });
  const keyed = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) to(key.frame + step, `time ${track.name}`);
    else if (event.key === "Delete" || event.key === "Backspace") without();
    else return;
    event.preventDefault();
    event.stopPropagation();
    /** @type {HTMLElement | null} */ (
      document.querySelector(`[data-key="${CSS.escape(`diamond ${state.view.key}`)}"]`)
    )?.focus();
  };
  const dragged = (down) => {
    const box = down.target.closest(".keys").getBoundingClientRect();
    const up = (event) => {
      if (Math.abs(event.clientX - down.clientX) > 3)
        to(((event.clientX - box.left) / box.width) * (frames - 1));
    };
    addEventListener("pointerup", up, { once: true });
  };
  return h("button", {
    type: "button",
    class: chosen ? "diamond chosen" : "diamond",
    style: { "--at": key.frame },
    "data-key": `diamond ${track.name} ${key.frame}`,
    "aria-label": `Key of ${track.label} at frame ${key.frame + 1}; arrow keys move it in time`,
    "aria-pressed": String(chosen),
    on: { click: choose, keydown: keyed, pointerdown: dragged },
  });
}

/** One more frame, one less; for the shortcuts. */
export function stepped(state, by) {
  const { frames } = state.doc.size;
  state.look({ frame: (state.view.frame + by + frames) % frames });
}
