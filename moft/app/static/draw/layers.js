/**
 * The drawing: layers, each of them one request. A layer says what moves how (its motion) and where (its
 * region).
 *
 * @typedef {import("./timing.js").Key} Key
 * @typedef {import("./regions.js").Region} Region
 * @typedef {{x: number, y: number}} Place
 * @typedef {{kind: "none"} | {kind: "still"}
 *   | {kind: "arrow", from: Place, to: Place}
 *   | {kind: "camera", camera: import("./camera.js").Camera}
 *   | {kind: "path", keys: Key[]}
 *   | {kind: "like", clip: string, name: string, part: string, frames: [number, number] | null,
 *      within: Region | null, by: string}
 *   | {kind: "field", file: string, name: string}
 *   | {kind: "words", words: Record<string, any>}
 *   | {kind: "points", points: Array<{keys: Key[]}>, radius: number | null}} LayerMotion
 * @typedef {{id: string, name: string, color: string, seen: boolean, motion: LayerMotion, region: Region,
 *   way: "stays" | "along" | "keys", regionKeys: Key[], span: [number, number] | null, ease: string,
 *   strength: number, steps: [number, number] | null}} Layer
 * @typedef {{frames: number, width: number, height: number}} Size
 */

import { carried } from "./camera.js";
import { middleOf, resized } from "./regions.js";
import { placeAt, shareDone, stretchedKeys } from "./timing.js";

/** Told apart by all eyes (Okabe and Ito), and seen on light and dark pictures with an edge around them. */
export const COLORS = [
  "#e69f00",
  "#56b4e9",
  "#2bb58a",
  "#f0e442",
  "#4f8ff7",
  "#e8683a",
  "#d98bb9",
  "#b9c0c8",
];
export const COLOR_NAMES = ["orange", "sky", "green", "yellow", "blue", "vermilion", "pink", "grey"];

/** What a motion is called. */
export const MOTIONS = {
  none: "Nothing yet",
  arrow: "Direction",
  camera: "Camera",
  path: "Path",
  still: "Still",
  like: "Follow a clip",
  field: "Follow a field",
  points: "Drag points",
  words: "In words",
};

/** A new layer, in the first colour that no other has. @returns {Layer} */
export function newLayer(
  layers,
  motion = /** @type {LayerMotion} */ ({ kind: "none" }),
  region = /** @type {Region} */ ({ kind: "everywhere" }),
) {
  const color =
    COLORS.find((one) => !layers.some((layer) => layer.color === one)) ?? COLORS[layers.length % 8];
  const number = 1 + Math.max(0, ...layers.map(({ id }) => Number(id.slice(1)) || 0));
  return {
    id: `l${number}`,
    name: `Layer ${number}`,
    color,
    seen: true,
    motion,
    region,
    way: "stays",
    regionKeys: [],
    span: null,
    ease: "",
    strength: 1,
    steps: null,
  };
}

/** How far the middle of what moves has come at a frame, px. @param {Layer} layer @param {Size} size */
export function wayAt(layer, frame, size) {
  const { motion } = layer;
  if (motion.kind === "arrow") {
    const share = shareDone(frame, size.frames, layer.span, layer.ease);
    return { x: share * (motion.to.x - motion.from.x), y: share * (motion.to.y - motion.from.y) };
  }
  if (motion.kind === "path") {
    const at = placeAt(motion.keys, frame);
    return { x: at.x - motion.keys[0].x, y: at.y - motion.keys[0].y };
  }
  if (motion.kind === "camera") {
    const [start, end] = layer.span ?? [0, 1];
    const steps = (size.frames - 1) * (end - start) * shareDone(frame, size.frames, layer.span, layer.ease);
    const middle = middleOf(layer.region, size);
    const at = carried(middle, motion.camera, steps, size);
    return { x: at.x - middle.x, y: at.y - middle.y };
  }
  return { x: 0, y: 0 };
}

/** How far its region has come at a frame, px. @param {Layer} layer @param {Size} size */
export function regionWayAt(layer, frame, size) {
  if (layer.way === "along") return wayAt(layer, frame, size);
  return layer.way === "keys" && layer.regionKeys.length ? placeAt(layer.regionKeys, frame) : { x: 0, y: 0 };
}

/** Speed of an arrow while it moves, px a frame. @param {any} layer @param {Size} size */
export function speedOf(layer, size) {
  const { from, to } = layer.motion;
  const [start, end] = layer.span ?? [0, 1];
  return Math.hypot(to.x - from.x, to.y - from.y) / Math.max((size.frames - 1) * (end - start), 1e-9);
}

/** Give an arrow another speed: its head moves. @param {any} layer @returns {Layer} */
export function withSpeed(layer, speed, size) {
  const { from, to } = layer.motion;
  const now = speedOf(layer, size);
  const scale = now > 0 ? speed / now : 0;
  const way =
    now > 0
      ? { x: (to.x - from.x) * scale, y: (to.y - from.y) * scale }
      : { x: speed * (size.frames - 1), y: 0 };
  return { ...layer, motion: { ...layer.motion, to: { x: from.x + way.x, y: from.y + way.y } } };
}

/** Layers drawn on a clip of one size, laid over one of another. @param {Layer[]} layers */
export function fitted(layers, from, to) {
  if (from.frames === to.frames && from.width === to.width && from.height === to.height) return layers;
  const [sx, sy] = [to.width / from.width, to.height / from.height];
  const place = (at) => ({ ...at, x: at.x * sx, y: at.y * sy });
  const keys = (all) => stretchedKeys(all.map(place), from.frames, to.frames);
  return layers.map((layer) => ({
    ...layer,
    region: resized(layer.region, sx, sy),
    regionKeys: keys(layer.regionKeys),
    motion: fittedMotion(layer.motion, place, keys, (sx + sy) / 2),
  }));
}

function fittedMotion(motion, place, keys, scale) {
  if (motion.kind === "arrow") return { ...motion, from: place(motion.from), to: place(motion.to) };
  if (motion.kind === "path") return { ...motion, keys: keys(motion.keys) };
  if (motion.kind === "camera") return { ...motion, camera: { ...motion.camera, ...place(motion.camera) } };
  if (motion.kind === "points") {
    const points = motion.points.map((point) => ({ keys: keys(point.keys) }));
    return { ...motion, points, radius: motion.radius && motion.radius * scale };
  }
  return motion;
}
