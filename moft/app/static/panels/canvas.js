/** What is drawn on: a plain clip of the scene, or a picture or clip of one's own. */

import { at } from "../ground/api.js";
import { button, choice, fileInput, h, optionsOf, show } from "../ground/dom.js";
import { makePlain } from "./generate.js";
import { stateInWords } from "./queue.js";
import { watch } from "../ground/watch.js";

// what a plain clip depends on
const FROM = ["prompt", "seed", "negative_prompt", "steps", "guidance_scale", "image", "video"];

/** @param {import("../ground/state.js").State} state @param {import("../ground/world.js").World} world */
export function canvasBar(state, world) {
  const element = h("div", { class: "canvas-bar" });
  const bar = h("div", { class: "canvas-parts" });
  const said = h("span", { class: "canvas-state", role: "status" });
  element.append(bar, said);
  const render = () => show(bar, parts(state, world));
  watch([state, world], () => [state.doc.clip, state.doc.scene, world.listing, world.model], render);
  const say = () => {
    const text = sayOf(state, world);
    if (said.textContent !== text) said.textContent = text;
  };
  for (const source of [state, world]) source.heard(say);
  return element;
}

function parts(state, world) {
  const { clip } = state.doc;
  const known = [
    ...world.clips().filter(({ id }) => !id.endsWith(".steered")),
    ...world.media.filter(({ kind }) => kind === "picture"),
  ];
  const options = optionsOf("a blank board", known, clip?.id, clip?.name);
  const pick = (id) => drawOn(state, known.find((one) => one.id === id) ?? null);
  const { busy, stale } = standing(state, world);
  const upload = fileInput((files) => world.upload(files, "", (media) => drawOn(state, media)), {
    id: "draw-on-file",
    class: "unseen",
    accept: "image/*,video/*",
    "data-key": "draw on file",
  });
  return [
    h("label", { for: "draw-on" }, "Draw on"),
    choice(clip?.id ?? "", options, pick, { id: "draw-on", "data-key": "draw on" }),
    button(stale ? "Make it anew" : "Make the plain clip", () => makePlain(state, world), {
      class: clip && !stale ? "quiet" : "primary",
      disabled: busy || world.model?.status !== "ready",
      "data-key": "plain",
    }),
    upload,
    h("label", { for: "draw-on-file", class: "button quiet" }, "Upload"),
  ];
}

/** Whether a plain clip is being made, and whether the one that is drawn on is of another scene. */
function standing(state, world) {
  const { clip } = state.doc;
  const making = world.runs.get(world.drawOn);
  const busy = making?.state === "waiting" || making?.state === "running";
  const stale = Boolean(clip) && !busy && changed(state.doc.scene, world, clip.id.split(".")[0]);
  return { making, busy, stale };
}

function sayOf(state, world) {
  const { making, busy, stale } = standing(state, world);
  if (busy) return `The plain clip: ${stateInWords(making)}`;
  return stale ? "The scene has changed since." : "";
}

/** Whether the scene is another than the one that the clip was made of. */
function changed(now, world, key) {
  const made = world.runs.get(key)?.job;
  if (!made || !world.form) return false;
  const said = (scene, name) => scene[name] ?? world.form.Scene.fields[name].default ?? "";
  return FROM.some((name) => said(made, name) !== said(now, name));
}

/**
 * @param {any} clip a clip of a run, with the scene that it was made of; an upload; or null for a blank board
 */
export function drawOn(state, clip) {
  if (!clip) return state.commit({ clip: null }, "draw on a blank board");
  const { id, name, frames, width, height, fps, scene } = clip;
  const kept = { id, name, frames: frames ?? 1, width, height, fps: fps ?? null };
  if (scene)
    state.resize({ frames, width, height }, "draw on another clip", {
      clip: kept,
      scene: { ...state.history.now.scene, ...scene },
    });
  else state.commit({ clip: kept }, "draw on another clip");
}

/** The picture of a clip at a frame of the clip that is made. */
export function pictureOf({ clip, size }, frame) {
  if (!clip) return null;
  const near = size.frames > 1 ? Math.round((frame * (clip.frames - 1)) / (size.frames - 1)) : 0;
  return at.frame(clip.id, near, clip.width === size.width && clip.height === size.height ? null : size);
}
