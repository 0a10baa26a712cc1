/**
 * A camera's move: how far the picture goes, grows and turns in a frame. The camera goes the other way.
 *
 * @typedef {{x: number, y: number, zoom: number, turn: number}} Camera
 *   x, y: px a frame of the picture; zoom: % of the shorter side a frame that an edge goes outwards;
 *   turn: degrees a frame, clockwise
 */

/** @type {Camera} */
export const STILL = { x: 0, y: 0, zoom: 0, turn: 0 };

export const USUAL = 0.03; // shorter sides a frame, of a motion without a speed

const NAMES = ["right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right"];

/** Degrees in which the picture goes: 0 right, 90 down. */
export function degrees(x, y) {
  return ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360;
}

/** The nearest of eight names. */
export function heading(x, y) {
  return NAMES[Math.round(degrees(x, y) / 45) % 8];
}

/** Degrees of one of these names; null for another. */
export function degreesOf(name) {
  const at = NAMES.indexOf(name);
  return at < 0 ? null : at * 45;
}

/** What is asked at once: parts that are not zero. @param {Camera} camera */
export function partsOf({ x, y, zoom, turn }) {
  const parts = [];
  if (Math.hypot(x, y) > 0) parts.push("pan");
  if (zoom) parts.push("zoom");
  if (turn) parts.push("turn");
  return parts;
}

/** Both ways in words. @param {Camera} camera @returns {{camera: string, picture: string}} */
export function inWords(camera) {
  const { x, y, zoom, turn } = camera;
  if (!partsOf(camera).length) return { camera: "stands still", picture: "stands still" };
  const [theirs, ours] = [[], []];
  if (Math.hypot(x, y) > 0) {
    theirs.push(`pans ${heading(-x, -y)}`);
    ours.push(`goes ${heading(x, y)}`);
  }
  if (zoom) {
    theirs.push(zoom > 0 ? "moves closer" : "moves away");
    ours.push(zoom > 0 ? "grows" : "shrinks");
  }
  if (turn) {
    theirs.push(`rolls ${turn > 0 ? "counterclockwise" : "clockwise"}`);
    ours.push(`turns ${turn > 0 ? "clockwise" : "counterclockwise"}`);
  }
  return { camera: theirs.join(", "), picture: ours.join(", ") };
}

/**
 * Where the camera takes a place of the first frame, so many frames later.
 * @param {{x: number, y: number}} place
 * @param {Camera} camera
 * @param {number} frames
 * @param {{width: number, height: number}} size
 */
export function carried({ x, y }, camera, frames, size) {
  const [cx, cy] = [size.width / 2, size.height / 2];
  const grown = (1 + (2 * Math.abs(camera.zoom)) / 100) ** (Math.sign(camera.zoom) * frames);
  const angle = (camera.turn * frames * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle) * grown, Math.sin(angle) * grown];
  return {
    x: cx + cos * (x - cx) - sin * (y - cy) + camera.x * frames,
    y: cy + sin * (x - cx) + cos * (y - cy) + camera.y * frames,
  };
}
