/**
 * A file dropped on the page: a clip or record with a recipe becomes a job, anything else something to draw
 * on.
 */

import { api } from "../ground/api.js";
import { failed, told, trying } from "../ground/notices.js";
import { drawOn } from "../panels/canvas.js";
import { takeJob } from "./draw.js";

const PICTURE = /^image\/(png|jpeg|webp|bmp|avif)$/;

/**
 * @param {HTMLElement} place
 * @param {import("../ground/state.js").State} state
 * @param {import("../ground/world.js").World} world
 */
export function dropsOn(place, state, world) {
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  place.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    place.classList.add("dropping");
  });
  place.addEventListener("dragleave", (event) => event.relatedTarget || place.classList.remove("dropping"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("dropping");
    if (!carries(event)) return;
    event.preventDefault();
    takeFile(event.dataTransfer.files[0], state, world);
  });
  addEventListener("take-file", (event) => takeFile(/** @type {any} */ (event).detail, state, world));
}

/** @param {File} file */
async function takeFile(file, state, world) {
  if (!file) return;
  if (PICTURE.test(file.type)) return world.upload([file], "picture", (media) => drawnOn(state, media));
  let found;
  try {
    found = await api.drop(file);
  } catch (error) {
    if (/json$/.test(file.type) || error.status !== 400) return failed(error);
    // what was wrong with it is told by the upload
    told(`${file.name} carries no recipe, so it is a clip to draw on or to follow.`);
    return world.upload([file], "clip", (media) => drawnOn(state, media));
  }
  if (found.media) world.know(found.media);
  takeJob(state, world, found.job);
  if (found.media && !state.doc.clip) drawOn(state, found.media);
  location.hash = "draw";
  told(`${file.name} is a job now: generate makes it again.`);
  for (const { name } of found.missing ?? [])
    failed({
      message: `${name}, which the recipe names, is not here.`,
      todo: "Upload it and choose it in its layer.",
    });
  if (found.same_model === false)
    failed({
      message: `It was made with ${found.model}, which is not the model here.`,
      todo: "Start moft app with --model to make it again; here it becomes another clip.",
    });
  await trying(async () => world.refresh());
}

function drawnOn(state, media) {
  drawOn(state, media);
  location.hash = "draw";
}
