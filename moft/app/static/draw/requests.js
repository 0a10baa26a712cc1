/**
 * Layers as the requests that moft knows. px of the page begin at the picture's upper left corner, those of
 * moft's points in the middle of its first pixel: half a pixel between them.
 */

import { carried, degrees, heading, partsOf } from "./camera.js";
import { regionWayAt } from "./layers.js";
import { maskOf } from "./masks.js";
import { drawn, meant, rounded, textOf } from "./regions.js";
import { even, placesBetween, shareDone } from "./timing.js";

const GRID = 7; // points along each side, of a camera that does several things at once

/**
 * What keeps the drawing from being asked, before anything is sent. @param {import("./layers.js").Layer[]}
 *   layers
 * @returns {Array<{what: string, todo: string, wrong: boolean}>} wrong: it cannot stay so; else it is only
 *   unfinished
 */
export function problemsOf(layers) {
  const seen = layers.filter((layer) => layer.seen);
  const found = [];
  const lacks = (what, todo) => found.push({ what, todo, wrong: false });
  const clashes = (what, todo) => found.push({ what, todo, wrong: true });
  if (!seen.length) lacks("Nothing is asked yet.", "Draw an arrow on the picture, or set the camera.");
  for (const layer of seen) {
    const { motion } = layer;
    if (motion.kind === "none")
      lacks(`${layer.name} does not say what moves.`, "Draw an arrow or a path in it.");
    if (motion.kind === "path" && motion.keys.length < 2)
      lacks(`${layer.name}: the path has one place.`, "Add another.");
    if (motion.kind === "like" && !motion.clip)
      lacks(`${layer.name}: no clip to follow yet.`, "Choose one.");
    if (motion.kind === "field" && !motion.file)
      lacks(`${layer.name}: no field to follow yet.`, "Choose a file.");
    if (motion.kind === "points" && !motion.points.length)
      lacks(`${layer.name} has no points.`, "Set one.");
    if (!meant(layer.region))
      clashes(`${layer.name}: the region is empty.`, "Draw it larger, or take it away.");
  }
  if (seen.length > 1 && seen.some((layer) => layer.motion.kind === "points")) {
    clashes("Drag points have a run to themselves.", "Hide their layer, or the other layers.");
  }
  const whole = seen.filter(
    ({ motion, region }) => motion.kind !== "points" && !drawn(region) && region.kind !== "file",
  );
  if (whole.length > 1) {
    const names = whole.map(({ name }) => name).join(" and ");
    clashes(`${names} all ask for the whole picture.`, "Draw a region in all but one, or hide them.");
  }
  return found;
}

/**
 * One layer as a request. @param {import("./layers.js").Layer} layer @param {import("./layers.js").Size} size
 * @param {{mask: (blobs: Blob[], key: string) => Promise<string>, field: (blob: Blob, key: string) =>
 *   Promise<string>}} files
 *   put a file where the job can name it, and tell its media id
 * @returns {Promise<Record<string, any>>}
 */
export async function requestOf(layer, size, files) {
  if (layer.motion.kind === "points") return dragOf(layer.motion, size);
  const request = { ...(await motionOf(layer, size, files)) };
  const region = await regionTextOf(layer, size, files);
  if (region) request.region = region;
  if (layer.strength !== 1) request.strength = layer.strength;
  if (layer.steps) request.steps = layer.steps;
  return request;
}

async function motionOf(layer, size, files) {
  const { motion } = layer;
  if (motion.kind === "still") return { direction: "still" };
  if (motion.kind === "words") return motion.words;
  if (motion.kind === "arrow") return timed(layer, straight(motion, layer.span, size));
  if (motion.kind === "path") return pathOf(motion.keys, size);
  if (motion.kind === "camera") return cameraOf(layer, size, files);
  if (motion.kind === "field") return { field: `media:${motion.file}` };
  return likeOf(motion);
}

function straight({ from, to }, span, size) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const [start, end] = span ?? [0, 1];
  const speed = Math.hypot(x, y) / Math.max((size.frames - 1) * (end - start), 1e-9);
  return directed(x, y, speed);
}

function directed(x, y, speed) {
  if (speed < 5e-4) return { direction: "still" };
  const at = rounded(degrees(x, y)) % 360;
  return { direction: at % 45 ? at : heading(x, y), speed: `${Number(speed.toFixed(3))}px` };
}

function timed(layer, request) {
  if (request.direction === "still") return request;
  const span = layer.span && { span: layer.span };
  return { ...request, ...span, ...(layer.ease && { ease: layer.ease }) };
}

/** A path as shares of the shorter side from its beginning, a point a frame where its keys are not even. */
export function pathOf(keys, size) {
  const side = Math.min(size.width, size.height);
  const [first, last] = [keys[0].frame, keys[keys.length - 1].frame];
  const places = even(keys) ? keys : placesBetween(keys, first, last);
  const share = (value, start) => Number(((value - start) / side).toFixed(6));
  const path = places.map(({ x, y }) => [share(x, places[0].x), share(y, places[0].y)]);
  const end = size.frames - 1;
  const whole = first === 0 && last === end;
  return { path, ...(!whole && { span: [first / end, last / end] }) };
}

async function cameraOf(layer, size, files) {
  const { camera } = layer.motion;
  const parts = partsOf(camera);
  if (!parts.length) return { direction: "still" };
  if (parts.length > 1) {
    const blob = new Blob([JSON.stringify(tracksOf(layer, size))], { type: "application/json" });
    return {
      field: `media:${await files.field(blob, JSON.stringify([camera, layer.span, layer.ease, size]))}`,
    };
  }
  if (parts[0] === "pan") return timed(layer, directed(camera.x, camera.y, Math.hypot(camera.x, camera.y)));
  if (parts[0] === "zoom") {
    return timed(layer, {
      direction: camera.zoom > 0 ? "zoom in" : "zoom out",
      speed: `${Math.abs(camera.zoom)}%`,
    });
  }
  const way = camera.turn > 0 ? "turn clockwise" : "turn counterclockwise";
  return timed(layer, { direction: way, speed: `${Math.abs(camera.turn)}deg` });
}

/** Tracks of a grid of points, a place a frame, which a field is made of. */
function tracksOf(layer, size) {
  const [start, end] = layer.span ?? [0, 1];
  const whole = (size.frames - 1) * (end - start);
  const along = (side) => Array.from({ length: GRID }, (_, i) => (side * (i + 0.5)) / GRID);
  return along(size.height).flatMap((y) =>
    along(size.width).map((x) =>
      Array.from({ length: size.frames }, (_, frame) => {
        const steps = whole * shareDone(frame, size.frames, layer.span, layer.ease);
        const at = carried({ x, y }, layer.motion.camera, steps, size);
        return { x: Number((at.x - 0.5).toFixed(3)), y: Number((at.y - 0.5).toFixed(3)) };
      }),
    ),
  );
}

function likeOf({ clip, part, frames, within, by }) {
  const where = within && textOf(within);
  return {
    like: `media:${clip}${part ? `#${part}` : ""}`,
    ...(frames && { like_frames: frames }),
    ...(where && { like_region: where }),
    ...(by && { by }),
  };
}

/** Points and where they are taken; a point with one place must stay. */
function dragOf({ points, radius }, size) {
  const place = ({ x, y }) => [rounded(x - 0.5), rounded(y - 0.5)];
  const way = ({ keys }) => {
    if (keys.length === 1) return [place(keys[0])];
    const whole = keys[0].frame === 0 && keys[keys.length - 1].frame === size.frames - 1;
    return (whole && even(keys) ? keys : placesBetween(keys, 0, size.frames - 1)).map(place);
  };
  return { points: points.map(way), ...(radius && { radius }) };
}

async function regionTextOf(layer, size, files) {
  const { region } = layer;
  const moves = drawn(region) && layer.way !== "stays";
  if (!moves && region.kind !== "brush") return textOf(region);
  const key = JSON.stringify([
    region,
    size.width,
    size.height,
    moves && Array.from({ length: size.frames }, (_, i) => regionWayAt(layer, i, size)),
  ]);
  const frames = moves ? size.frames : 1;
  const blobs = Array.from({ length: frames }, (_, i) => maskOf(region, size, regionWayAt(layer, i, size)));
  return `media:${await files.mask(await Promise.all(blobs), key)}`;
}

/**
 * All that is seen as a job of moft's.
 * @param {import("../ground/state.js").Document} doc
 * @param {any} files as of `requestOf`
 */
export async function jobOf(doc, files) {
  const seen = doc.layers.filter((layer) => layer.seen && layer.motion.kind !== "none");
  const requests = await Promise.all(seen.map((layer) => requestOf(layer, doc.size, files)));
  return { ...sceneOf(doc), requests, settings: doc.settings, retries: doc.retries };
}

/** The scene alone, of which a plain clip is made. @param {import("../ground/state.js").Document} doc */
export function sceneOf(doc) {
  const given = Object.entries(doc.scene).filter(([, value]) => value != null && value !== "");
  return { ...Object.fromEntries(given), size: doc.size };
}
