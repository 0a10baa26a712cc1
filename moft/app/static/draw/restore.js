/** Requests of a job as layers again, for recipes that come without the drawing that they were made from. */

import { degreesOf, STILL, USUAL } from "./camera.js";
import { newLayer } from "./layers.js";
import { middleOf, regionOf } from "./regions.js";

/** @param {Array<Record<string, any>>} requests @param {import("./layers.js").Size} size */
export function layersOf(requests, size) {
  const layers = [];
  for (const request of requests) layers.push(layerOf(request, size, layers));
  return layers;
}

function layerOf(request, size, layers) {
  const region = regionOf(request.region, size);
  const layer = newLayer(layers, motionOf(request, size, middleOf(region, size)), region);
  layer.span = layer.motion.kind === "path" ? null : (request.span ?? null);
  layer.ease = layer.motion.kind === "path" ? "" : (request.ease ?? "");
  layer.strength = request.strength ?? 1;
  layer.steps = request.steps ?? null;
  return layer;
}

/** @returns {any} */
function motionOf(request, size, middle) {
  if (request.points)
    return {
      kind: "points",
      radius: request.radius ?? null,
      points: request.points.map((way) => ({ keys: keysOf(way, size) })),
    };
  if (request.like) {
    const [name, part = ""] = request.like.split("#");
    const within = request.like_region ? { kind: "file", text: request.like_region } : null;
    const clip = name.replace(/^media:/, "");
    return {
      kind: "like",
      clip,
      name: clip,
      part,
      frames: request.like_frames ?? null,
      within,
      by: request.by ?? "",
    };
  }
  if (request.field)
    return {
      kind: "field",
      file: request.field.replace(/^media:/, ""),
      name: request.field.replace(/^media:/, ""),
    };
  if (request.path && !request.ease) return pathOf(request, size, middle);
  if (request.direction === "still") return { kind: "still" };
  return wordsOf(request, size, middle);
}

function wordsOf(request, size, middle) {
  const { direction, speed } = request;
  const px = speedOf(speed, Math.min(size.width, size.height));
  const angle = degreesOf(direction) ?? (typeof direction === "number" ? direction : null);
  if (angle != null && px != null) {
    const [start, end] = request.span ?? [0, 1];
    const way = px * (size.frames - 1) * (end - start);
    const [x, y] = [Math.cos((angle * Math.PI) / 180) * way, Math.sin((angle * Math.PI) / 180) * way];
    if (!request.region)
      return {
        kind: "camera",
        camera: {
          ...STILL,
          x: px * Math.cos((angle * Math.PI) / 180),
          y: px * Math.sin((angle * Math.PI) / 180),
        },
      };
    return {
      kind: "arrow",
      from: { x: middle.x - x / 2, y: middle.y - y / 2 },
      to: { x: middle.x + x / 2, y: middle.y + y / 2 },
    };
  }
  const percent = (100 * (px ?? 0)) / Math.min(size.width, size.height);
  if (direction === "zoom in" || direction === "zoom out") {
    return { kind: "camera", camera: { ...STILL, zoom: direction === "zoom in" ? percent : -percent } };
  }
  if (/^turn/.test(direction ?? "")) {
    const turn = /deg$/.test(speed ?? "") ? Number.parseFloat(speed) : (2 * percent * 180) / (100 * Math.PI);
    return { kind: "camera", camera: { ...STILL, turn: direction === "turn clockwise" ? turn : -turn } };
  }
  const { region, strength, steps, ...words } = request;
  return { kind: "words", words };
}

function speedOf(speed, side) {
  if (speed == null) return USUAL * side;
  if (typeof speed === "number") return speed * side;
  const number = Number.parseFloat(speed);
  if (/%$/.test(speed)) return (number * side) / 100;
  return /px$/.test(speed) ? number : null;
}

function pathOf({ path, span }, size, middle) {
  const side = Math.min(size.width, size.height);
  const end = size.frames - 1;
  const [first, last] = (span ?? [0, 1]).map((share) => share * end);
  const keys = path.map(([x, y], i) => ({
    frame: Math.round(first + ((last - first) * i) / (path.length - 1)),
    x: middle.x + x * side,
    y: middle.y + y * side,
  }));
  return { kind: "path", keys };
}

function keysOf(way, size) {
  const end = size.frames - 1;
  return way.map(([x, y], i) => ({
    frame: way.length > 1 ? Math.round((end * i) / (way.length - 1)) : 0,
    x: x + 0.5,
    y: y + 0.5,
  }));
}
