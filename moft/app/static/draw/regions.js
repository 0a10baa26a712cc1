/**
 * Where a request counts: boxes, polygons and strokes of a brush, in px of the clip.
 *
 * @typedef {{x: number, y: number}} Place
 * @typedef {{points: Place[], width: number, erase: boolean}} Stroke
 * @typedef {{kind: "everywhere"} | {kind: "rest"}
 *   | {kind: "box", x: number, y: number, width: number, height: number}
 *   | {kind: "polygon", points: Place[]}
 *   | {kind: "brush", strokes: Stroke[]}
 *   | {kind: "file", text: string}} Region
 */

const LEAST = 1; // px; a smaller box is a slip of the hand

/** To a hundredth of a px, which is finer than any hand. */
export const rounded = (value) => Math.round(value * 100) / 100;

/** The box between two corners, within the clip. @returns {Region} */
export function boxBetween(a, b, size) {
  const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)].map((x) => rounded(clamp(x, size.width)));
  const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)].map((y) => rounded(clamp(y, size.height)));
  return { kind: "box", x: left, y: top, width: rounded(right - left), height: rounded(bottom - top) };
}

/** Whether it is large enough to be meant. @param {Region} region */
export function meant(region) {
  if (region.kind === "box") return region.width >= LEAST && region.height >= LEAST;
  if (region.kind === "polygon") return region.points.length >= 3;
  if (region.kind === "brush") return region.strokes.some((stroke) => !stroke.erase);
  return true;
}

/** Whether it was drawn, so has a place. @param {Region} region */
export function drawn(region) {
  return region.kind === "box" || region.kind === "polygon" || region.kind === "brush";
}

/** Its corners, or the places of its strokes. @param {Region} region @returns {Place[]} */
export function cornersOf(region) {
  if (region.kind === "box") {
    const { x, y, width, height } = region;
    return [
      { x, y },
      { x: x + width, y },
      { x: x + width, y: y + height },
      { x, y: y + height },
    ];
  }
  if (region.kind === "polygon") return region.points;
  if (region.kind === "brush") return region.strokes.filter((one) => !one.erase).flatMap((one) => one.points);
  return [];
}

/** Its middle; that of the clip for what was not drawn. */
export function middleOf(region, size) {
  const corners = cornersOf(region);
  if (!corners.length) return { x: size.width / 2, y: size.height / 2 };
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  return { x: (Math.min(...xs) + Math.max(...xs)) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2 };
}

/** The same somewhere else. @param {Region} region @returns {Region} */
export function shifted(region, dx, dy) {
  const move = ({ x, y }) => ({ x: rounded(x + dx), y: rounded(y + dy) });
  if (region.kind === "box") return { ...region, ...move(region) };
  if (region.kind === "polygon") return { ...region, points: region.points.map(move) };
  if (region.kind === "brush") {
    return { ...region, strokes: region.strokes.map((one) => ({ ...one, points: one.points.map(move) })) };
  }
  return region;
}

/** At another size of the clip. @param {Region} region @returns {Region} */
export function resized(region, sx, sy) {
  const move = ({ x, y }) => ({ x: rounded(x * sx), y: rounded(y * sy) });
  if (region.kind === "box") {
    return {
      ...region,
      ...move(region),
      width: rounded(region.width * sx),
      height: rounded(region.height * sy),
    };
  }
  if (region.kind === "polygon") return { ...region, points: region.points.map(move) };
  if (region.kind === "brush") {
    const width = (sx + sy) / 2;
    const strokes = region.strokes.map((one) => ({
      ...one,
      width: one.width * width,
      points: one.points.map(move),
    }));
    return { ...region, strokes };
  }
  return region;
}

/** As moft reads it; null for strokes, which are a mask, and for everywhere. @param {Region} region */
export function textOf(region) {
  if (region.kind === "box") {
    return `box:${[region.x, region.y, region.width, region.height].map((n) => `${rounded(n)}px`).join(",")}`;
  }
  if (region.kind === "polygon") {
    return `polygon:${region.points.map(({ x, y }) => `${rounded(x)}px,${rounded(y)}px`).join(";")}`;
  }
  if (region.kind === "file") return region.text;
  return region.kind === "rest" ? "rest" : null;
}

/** Read a text of moft's; what is no box, polygon or rest is a file. @returns {Region} */
export function regionOf(text, size) {
  if (!text) return { kind: "everywhere" };
  if (text.trim() === "rest") return { kind: "rest" };
  const [kind, body] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  const pairs = body.split(";").map((pair) => pair.split(","));
  if (kind === "box" && pairs[0].length === 4) {
    const [x, y, width, height] = pairs[0].map((part, i) => length(part, i % 2 ? size.height : size.width));
    return { kind, x, y, width, height };
  }
  if (kind === "polygon") {
    return { kind, points: pairs.map(([x, y]) => ({ x: length(x, size.width), y: length(y, size.height) })) };
  }
  return { kind: "file", text };
}

/** What a region is, for people. @param {Region} region */
export function inWords(region) {
  if (region.kind === "box") {
    const at = `${Math.round(region.x)}, ${Math.round(region.y)}`;
    return `box at ${at}, ${Math.round(region.width)} × ${Math.round(region.height)} px`;
  }
  if (region.kind === "polygon") return `polygon of ${region.points.length} corners`;
  if (region.kind === "brush") return `painted, ${region.strokes.length} strokes`;
  if (region.kind === "file") return `mask ${region.text.split("/").pop()}`;
  return region.kind === "rest" ? "what the others leave" : "whole picture";
}

/** What can be taken hold of to change its shape. @param {Region} region */
export function handlesOf(region, size) {
  if (region.kind === "polygon") {
    return region.points.map((at, i) => ({
      name: `corner ${i + 1}`,
      ...at,
      moved: (to) => ({
        ...region,
        points: region.points.map((old, k) => (k === i ? inside(to, size) : old)),
      }),
    }));
  }
  if (region.kind !== "box") return [];
  const corners = cornersOf(region);
  const names = ["upper left corner", "upper right corner", "lower right corner", "lower left corner"];
  return corners.map((at, i) => ({
    name: names[i],
    ...at,
    moved: (to) => boxBetween(corners[(i + 2) % 4], to, size),
  }));
}

const clamp = (value, most) => Math.min(Math.max(value, 0), most);
const inside = ({ x, y }, size) => ({ x: rounded(clamp(x, size.width)), y: rounded(clamp(y, size.height)) });

function length(part, side) {
  const number = Number.parseFloat(part);
  return rounded(part.trim().endsWith("%") ? (number * side) / 100 : number);
}
