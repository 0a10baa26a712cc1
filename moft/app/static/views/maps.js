/** The motion map as arrows, and the plane of directions. */

import { h, s } from "../ground/dom.js";
import { arrowShape } from "../stage/shapes.js";

const ACROSS = 12; // arrows along the longer side
const WAYS = { left: "#e69f00", right: "#56b4e9", up: "#2bb58a", down: "#e8683a", still: "#9aa3ad" };

/** Motion read from the model at one step. @param {{rows: number, columns: number, steps: number}} map */
export function mapArrows({ rows, columns, steps }, values, frame, size) {
  const step = Math.min(frame, steps - 1);
  const every = Math.max(1, Math.round(Math.max(rows, columns) / ACROSS));
  const cell = size.width / columns;
  const px = size.width / 420;
  const at = (row, column) => {
    const i = ((step * rows + row) * columns + column) * 2;
    return { x: values[i], y: values[i + 1] };
  };
  const all = [];
  for (let row = every >> 1; row < rows; row += every) {
    for (let column = every >> 1; column < columns; column += every)
      all.push({ row, column, by: at(row, column) });
  }
  const longest = Math.max(...all.map(({ by }) => Math.hypot(by.x, by.y)), 0.5);
  const scale = (every * cell * 0.95) / longest;
  const shapes = all.map(({ row, column, by }) => {
    const from = { x: (column + 0.5) * cell, y: (row + 0.5) * cell };
    return Math.hypot(by.x, by.y) * scale < 2 * px
      ? s("circle", { cx: from.x, cy: from.y, r: px, class: "tip" })
      : arrowShape(from, { x: from.x + by.x * scale, y: from.y + by.y * scale }, px, { width: 2, head: 8 });
  });
  return s("g", { class: "motion-map" }, shapes);
}

/** Features of photographs that pan, in the plane of two components. */
export function planeOf({ points, way, separability, silhouette }) {
  const far = Math.max(...points.flat().map(Math.abs), 1e-6) * 1.1;
  const dots = points.map(([x, y], i) =>
    s("circle", { cx: x, cy: -y, r: far / 45, fill: WAYS[way[i]] ?? WAYS.still }, s("title", {}, way[i])),
  );
  const names = [...new Set(way)];
  return h(
    "figure",
    { class: "plane" },
    s(
      "svg",
      {
        viewBox: `${-far} ${-far} ${2 * far} ${2 * far}`,
        role: "img",
        "aria-label": `Photographs that pan: ${Math.round(100 * separability)}% told apart by their feature`,
      },
      s("path", { d: `M${-far} 0H${far}M0 ${-far}V${far}`, class: "ring" }),
      dots,
    ),
    h(
      "figcaption",
      {},
      h(
        "ul",
        { class: "ways-legend" },
        names.map((name) => h("li", { style: { "--color": WAYS[name] ?? WAYS.still } }, name)),
      ),
      h("small", {}, `${Math.round(100 * separability)}% told apart, silhouette ${silhouette.toFixed(2)}`),
    ),
  );
}
