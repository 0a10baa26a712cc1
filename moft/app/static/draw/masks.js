/** Regions as mask pictures, white where they count, at the size of the clip. */

import { cornersOf } from "./regions.js";

/**
 * A region's mask as a PNG; moved by so many px.
 * @param {import("./regions.js").Region} region
 * @param {{width: number, height: number}} size
 * @returns {Promise<Blob>}
 */
export async function maskOf(region, size, by = { x: 0, y: 0 }) {
  const canvas = canvasOf(region, size, by);
  return new Promise((done, failed) =>
    canvas.toBlob(
      (blob) => (blob ? done(blob) : failed(new Error("the mask could not be written"))),
      "image/png",
    ),
  );
}

/** @returns {HTMLCanvasElement} black and white alone: half covered px and more count */
export function canvasOf(region, size, by = { x: 0, y: 0 }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [size.width, size.height];
  const to = canvas.getContext("2d", { willReadFrequently: true });
  to.translate(by.x, by.y);
  if (region.kind === "brush") for (const stroke of region.strokes) paint(to, stroke);
  else fill(to, cornersOf(region));
  const picture = to.getImageData(0, 0, size.width, size.height);
  for (let i = 0; i < picture.data.length; i += 4) {
    picture.data.fill(picture.data[i + 3] >= 128 ? 255 : 0, i, i + 3);
    picture.data[i + 3] = 255;
  }
  to.putImageData(picture, 0, 0);
  return canvas;
}

function paint(to, { points, width, erase }) {
  to.globalCompositeOperation = erase ? "destination-out" : "source-over";
  to.lineWidth = width;
  to.lineCap = to.lineJoin = "round";
  to.beginPath();
  to.moveTo(points[0].x, points[0].y);
  if (points.length === 1) to.lineTo(points[0].x + 1e-3, points[0].y); // a dot
  for (const { x, y } of points.slice(1)) to.lineTo(x, y);
  to.stroke();
}

function fill(to, corners) {
  to.beginPath();
  corners.forEach(({ x, y }, i) => (i ? to.lineTo(x, y) : to.moveTo(x, y)));
  to.closePath();
  to.fill();
}
