/**
 * What can be taken hold of, by hand or by keyboard: one list for both.
 *
 * @typedef {{key: string, label: string, at: {x: number, y: number}, shape: "area" | "dot" | "square" |
 *   "now",
 *   moved: (to: {x: number, y: number}) => any, without?: () => any, frame?: number}} Grip
 *   moved: the layer with it there; without: the layer without it, or null if nothing is left
 */

import { regionWayAt } from "./layers.js";
import { drawn, handlesOf, middleOf, rounded, shifted } from "./regions.js";
import { placeAt, withKey } from "./timing.js";

/** @param {import("./layers.js").Layer} layer @param {import("./layers.js").Size} size @returns {Grip[]} */
export function gripsOf(layer, frame, size) {
  return [...regionGrips(layer, frame, size), ...motionGrips(layer, frame, size)];
}

function regionGrips(layer, frame, size) {
  const { region } = layer;
  if (!drawn(region)) return [];
  const way = regionWayAt(layer, frame, size);
  const middle = middleOf(region, size);
  const here = { x: middle.x + way.x, y: middle.y + way.y };
  const area = {
    key: "region",
    label: `${layer.name}, region`,
    at: here,
    shape: "area",
    moved: (to) => movedRegion(layer, frame, { x: to.x - here.x, y: to.y - here.y }, way),
    without: () => ({ ...layer, region: { kind: "everywhere" }, way: "stays", regionKeys: [] }),
  };
  const corners = handlesOf(region, size).map(({ name, x, y, moved }) => ({
    key: `region ${name}`,
    label: `${layer.name}, ${name}`,
    at: { x: x + way.x, y: y + way.y },
    shape: "square",
    moved: (to) => ({ ...layer, region: moved({ x: to.x - way.x, y: to.y - way.y }) }),
    without:
      region.kind === "polygon" && region.points.length > 3 ? () => withoutCorner(layer, name) : undefined,
  }));
  return [area, ...corners];
}

function movedRegion(layer, frame, by, way) {
  if (layer.way !== "keys" || frame === 0) return { ...layer, region: shifted(layer.region, by.x, by.y) };
  const start = layer.regionKeys.length ? layer.regionKeys : [{ frame: 0, x: 0, y: 0 }];
  return {
    ...layer,
    regionKeys: withKey(start, frame, { x: rounded(way.x + by.x), y: rounded(way.y + by.y) }),
  };
}

function withoutCorner(layer, name) {
  const gone = Number(name.split(" ")[1]) - 1;
  return { ...layer, region: { ...layer.region, points: layer.region.points.filter((_, i) => i !== gone) } };
}

function motionGrips(layer, frame, size) {
  const { motion } = layer;
  const put = (change) => ({ ...layer, motion: { ...motion, ...change } });
  if (motion.kind === "arrow") return arrowGrips(layer, put);
  if (motion.kind === "path") {
    return keyGrips(motion.keys, frame, `${layer.name}, path`, "path", (keys) =>
      keys.length ? put({ keys }) : bare(layer),
    );
  }
  if (motion.kind !== "points") return [];
  return motion.points.flatMap((point, i) => {
    const others = (keys) =>
      motion.points.map((old, k) => (k === i ? { keys } : old)).filter((one) => one.keys.length);
    const changed = (keys) => (others(keys).length ? put({ points: others(keys) }) : bare(layer));
    return keyGrips(point.keys, frame, `${layer.name}, point ${i + 1}`, `point ${i}`, changed);
  });
}

const bare = (layer) => ({ ...layer, motion: { kind: "none" } });
const place = ({ x, y }) => ({ x: rounded(x), y: rounded(y) });

function arrowGrips(layer, put) {
  const { from, to } = layer.motion;
  const whole = (at) =>
    put({ from: place(at), to: place({ x: to.x + at.x - from.x, y: to.y + at.y - from.y }) });
  return [
    {
      key: "from",
      label: `${layer.name}, arrow, where it starts`,
      at: from,
      shape: "dot",
      moved: whole,
      without: () => bare(layer),
    },
    {
      key: "to",
      label: `${layer.name}, arrow, where it goes`,
      at: to,
      shape: "dot",
      moved: (at) => put({ to: place(at) }),
      without: () => bare(layer),
    },
  ];
}

function keyGrips(keys, frame, label, name, changed) {
  const grips = keys.map((key) => ({
    key: `${name} ${key.frame}`,
    label: `${label}, frame ${key.frame + 1}`,
    at: { x: key.x, y: key.y },
    shape: "dot",
    frame: key.frame,
    moved: (to) => changed(withKey(keys, key.frame, place(to))),
    without: () => changed(keys.filter((other) => other !== key)),
  }));
  if (keys.some((key) => key.frame === frame)) return grips;
  const now = {
    key: `${name} now`,
    label: `${label}, now, frame ${frame + 1}; moving it sets a key`,
    at: placeAt(keys, frame),
    shape: "now",
    moved: (to) => changed(withKey(keys, frame, place(to))),
  };
  return [...grips, now];
}

/** The keys of a layer that stand in time, with how to set them anew. */
export function keysIn(layer) {
  const { motion } = layer;
  const put = (change) => ({ ...layer, motion: { ...motion, ...change } });
  const found = [];
  if (motion.kind === "path")
    found.push({ name: "path", label: "Path", keys: motion.keys, with: (keys) => put({ keys }) });
  if (motion.kind === "points") {
    motion.points.forEach((point, i) => {
      const set = (keys) => put({ points: motion.points.map((old, k) => (k === i ? { keys } : old)) });
      if (point.keys.length > 1)
        found.push({ name: `point ${i}`, label: `Point ${i + 1}`, keys: point.keys, with: set });
    });
  }
  if (layer.way === "keys" && layer.regionKeys.length) {
    found.push({
      name: "region",
      label: "Region",
      keys: layer.regionKeys,
      with: (regionKeys) => ({ ...layer, regionKeys }),
    });
  }
  return found;
}
