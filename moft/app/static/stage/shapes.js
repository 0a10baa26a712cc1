/**
 * How layers look on the picture. Lines keep their width on the screen: `px` is one px of it in px of the
 * clip.
 */

import { carried } from "../draw/camera.js";
import { regionWayAt } from "../draw/layers.js";
import { cornersOf, drawn, middleOf } from "../draw/regions.js";
import { placeAt, placesBetween } from "../draw/timing.js";
import { s } from "../ground/dom.js";

const ACROSS = 6; // arrows of a camera, along the longer side

/** @param {import("../draw/layers.js").Layer} layer */
export function layerShape(layer, { frame, size, px, chosen, previewed }) {
  const way = regionWayAt(layer, frame, size);
  const region = drawn(layer.region)
    ? s("g", { transform: `translate(${way.x} ${way.y})`, class: "region" }, regionShape(layer, size))
    : null;
  const trail = layer.way === "keys" && layer.regionKeys.length > 1 ? trailOf(layer, size) : null;
  return s(
    "g",
    { class: chosen ? "layer chosen" : "layer", "data-layer": layer.id, style: { "--color": layer.color } },
    region,
    trail,
    motionShape(layer, size, px, previewed),
  );
}

function regionShape({ region, id }, size) {
  if (region.kind !== "brush") {
    const d = `M${cornersOf(region)
      .map(({ x, y }) => `${x} ${y}`)
      .join("L")}Z`;
    return [
      s("path", { d, class: "area" }),
      s("path", { d, class: "under" }),
      s("path", { d, class: "edge" }),
    ];
  }
  const strokes = region.strokes.map(({ points, width, erase }) =>
    s("path", { d: strokePath(points), "stroke-width": width, class: erase ? "stroke erased" : "stroke" }),
  );
  const room = { x: -size.width, y: -size.height, width: 3 * size.width, height: 3 * size.height };
  return [
    s("mask", { id: `mask-${id}`, maskUnits: "userSpaceOnUse", ...room }, strokes),
    s("rect", { ...room, class: "painted", mask: `url(#mask-${id})` }),
  ];
}

const strokePath = (points) =>
  points.length > 1
    ? `M${points.map(({ x, y }) => `${x} ${y}`).join("L")}`
    : `M${points[0].x} ${points[0].y}h0.001`;

function trailOf(layer, size) {
  const middle = middleOf(layer.region, size);
  const places = layer.regionKeys.map(({ x, y }) => `${middle.x + x},${middle.y + y}`).join(" ");
  return s("polyline", { points: places, class: "trail" });
}

function motionShape(layer, size, px, previewed) {
  const { motion } = layer;
  if (motion.kind === "arrow") return arrowShape(motion.from, motion.to, px);
  if (motion.kind === "path") return wayShape(motion.keys, px);
  if (motion.kind === "points")
    return motion.points.map(({ keys }) => (keys.length > 1 ? wayShape(keys, px) : stayShape(keys[0], px)));
  if (motion.kind === "camera") return previewed ? null : cameraShape(layer, size, px);
  if (motion.kind === "still" && drawn(layer.region)) return stayShape(middleOf(layer.region, size), px);
  return null;
}

/** A line with a head: a dark edge under it, so it is seen on any picture. */
export function arrowShape(from, to, px, { width = 3, head = 13 } = {}) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (!length) return null;
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const size = Math.min(head * px, length * 0.8);
  const neck = { x: to.x - ux * size, y: to.y - uy * size };
  const wing = size * 0.55;
  const line = { x1: from.x, y1: from.y, x2: neck.x, y2: neck.y };
  const wings = [1, -1].map((side) => `${neck.x - side * uy * wing} ${neck.y + side * ux * wing}`);
  const tip = `M${to.x} ${to.y}L${wings.join("L")}Z`;
  return [
    s("line", { ...line, class: "under", "stroke-width": width + 2.5 }),
    s("path", { d: tip, class: "tip" }),
    s("line", { ...line, class: "edge", "stroke-width": width }),
  ];
}

/** A path with a dot for each frame: where they lie close, it goes slowly. */
function wayShape(keys, px) {
  const [first, last] = [keys[0].frame, keys[keys.length - 1].frame];
  const line = keys.map(({ x, y }) => `${x},${y}`).join(" ");
  const dots = placesBetween(keys, first, last).map(({ x, y }) =>
    s("circle", { cx: x, cy: y, r: 2.2 * px, class: "beat" }),
  );
  const [a, b] = [keys[keys.length - 2] ?? keys[0], keys[keys.length - 1]];
  return [
    s("polyline", { points: line, class: "under" }),
    s("polyline", { points: line, class: "edge" }),
    last - first < 130 ? dots : null,
    arrowShape(a, b, px),
  ];
}

function stayShape({ x, y }, px) {
  const r = 8 * px;
  return [
    s("circle", { cx: x, cy: y, r, class: "under" }),
    s("circle", { cx: x, cy: y, r, class: "edge" }),
    s("path", { d: `M${x - r * 0.5} ${y}H${x + r * 0.5}`, class: "edge" }),
  ];
}

function cameraShape(layer, size, px) {
  const gap = Math.max(size.width, size.height) / ACROSS;
  const steps = [];
  for (let y = gap / 2; y < size.height; y += gap) {
    for (let x = gap / 2; x < size.width; x += gap) {
      const to = carried({ x, y }, layer.motion.camera, 1, size);
      steps.push({ x, y, dx: to.x - x, dy: to.y - y });
    }
  }
  const longest = Math.max(...steps.map(({ dx, dy }) => Math.hypot(dx, dy)), 1e-6);
  const scale = (0.45 * gap) / longest; // each is drawn about its place, so none leaves the picture
  const moving = steps.filter(({ dx, dy }) => Math.hypot(dx, dy) * scale > 2 * px);
  return s(
    "g",
    { class: "field" },
    moving.map(({ x, y, dx, dy }) =>
      arrowShape({ x: x - dx * scale, y: y - dy * scale }, { x: x + dx * scale, y: y + dy * scale }, px, {
        width: 1.6,
        head: 8,
      }),
    ),
  );
}

/** What the preview says moves here. @param {Array<{at: any, step: any}>} arrows px, and px a frame */
export function motionArrows(arrows, px) {
  const longest = Math.max(...arrows.map(({ step }) => Math.hypot(step.x, step.y)), 1e-6);
  const scale = Math.min((26 * px) / longest, 6);
  const shapes = arrows.map(({ at, step }) => {
    const to = { x: at.x + step.x * scale, y: at.y + step.y * scale };
    const still = Math.hypot(step.x, step.y) * scale < 1.5 * px;
    return still
      ? s("circle", { cx: at.x, cy: at.y, r: 1.4 * px, class: "tip" })
      : arrowShape(at, to, px, { width: 1.5, head: 7 });
  });
  return s("g", { class: "asked-field" }, shapes);
}

/** @param {import("../draw/grips.js").Grip} grip */
export function gripShape(grip, layer, px) {
  const { x, y } = grip.at;
  const shape = {
    area: () => cross(x, y, 7 * px, "mover"),
    square: () => s("rect", { x: x - 4.5 * px, y: y - 4.5 * px, width: 9 * px, height: 9 * px }),
    dot: () => s("circle", { cx: x, cy: y, r: 5.5 * px }),
    now: () => [
      s("circle", { cx: x, cy: y, r: 7 * px, class: "under" }),
      s("circle", { cx: x, cy: y, r: 7 * px, class: "now" }),
    ],
  }[grip.shape]();
  return s(
    "g",
    {
      class: `grip ${grip.shape}`,
      "data-grip": grip.key,
      "data-key": grip.key,
      tabindex: 0,
      role: "button",
      "aria-label": `${grip.label} at ${Math.round(x)}, ${Math.round(y)}`,
      style: { "--color": layer.color },
    },
    s("circle", { cx: x, cy: y, r: 12 * px, class: "reach" }),
    shape,
  );
}

/** A cross, seen on any picture. */
export function cross(x, y, arm, kind) {
  const d = `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`;
  return [s("path", { d, class: "under" }), s("path", { d, class: kind })];
}

/** The frame of a path that lies next to a place, within so many px. */
export function frameNear(layers, at, size, within) {
  if (!at) return null;
  let found = null;
  for (const layer of layers.filter((one) => one.seen)) {
    const ways =
      layer.motion.kind === "path"
        ? [layer.motion.keys]
        : layer.motion.kind === "points"
          ? layer.motion.points.map(({ keys }) => keys)
          : [];
    for (const keys of ways.filter((one) => one.length > 1)) {
      for (let frame = keys[0].frame; frame <= keys[keys.length - 1].frame; frame++) {
        const { x, y } = placeAt(keys, frame);
        const away = Math.hypot(x - at.x, y - at.y);
        if (away < (found?.away ?? within)) found = { frame, x, y, away, name: layer.name };
      }
    }
  }
  return found;
}
