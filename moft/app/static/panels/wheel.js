/**
 * The camera's wheel: the picture's way and the camera's, which are opposite, in one drawing. Either arrow
 * can be dragged; the other goes with it.
 */

import { degrees, heading, inWords, partsOf, STILL } from "../draw/camera.js";
import { rounded } from "../draw/regions.js";
import { arrowShape } from "../stage/shapes.js";
import { button, h, labelled, numeric, s, show } from "../ground/dom.js";
import { ARROWS } from "../ground/keys.js";

const RADIUS = 62;
const ROOM = 84;

/**
 * @param {import("../draw/camera.js").Camera} camera
 * @param {{side: number, change: (camera: any, merge: string) => void}} given
 */
export function cameraWheel(camera, given) {
  const fastest = given.side * 0.06; // px a frame at the rim
  const words = inWords(camera);
  const set = (change, merge = "") => given.change({ ...camera, ...change }, merge);
  return h(
    "div",
    { class: "wheel" },
    dial(camera, fastest, set),
    h(
      "dl",
      { class: "ways" },
      h("div", { class: "picture-way" }, h("dt", {}, "The picture"), h("dd", {}, words.picture)),
      h("div", { class: "camera-way" }, h("dt", {}, "The camera"), h("dd", {}, words.camera)),
    ),
    h(
      "div",
      { class: "row" },
      labelled(
        "Pan",
        numeric(rounded(Math.hypot(camera.x, camera.y)), (speed) => set(panned(camera, speed)), {
          min: 0,
          step: 0.1,
          "data-key": "pan",
        }),
        { unit: "px" },
      ),
      labelled(
        "Zoom",
        numeric(camera.zoom, (zoom) => set({ zoom }), { step: 0.5, "data-key": "zoom" }),
        { unit: "%" },
      ),
      labelled(
        "Roll",
        numeric(camera.turn, (turn) => set({ turn }), { step: 0.5, "data-key": "roll" }),
        { unit: "°" },
      ),
    ),
    h("small", { class: "hint" }, "Of the picture, a frame."),
    h(
      "div",
      { class: "row wrap tight" },
      button("Zoom in", () => set({ zoom: 3 }), { class: "quiet small", "data-key": "in" }),
      button("Zoom out", () => set({ zoom: -3 }), { class: "quiet small", "data-key": "out" }),
      button("Roll", () => set({ turn: 3 }), { class: "quiet small", "data-key": "roll button" }),
      button("Still", () => set(STILL), {
        class: "small",
        "aria-pressed": String(!partsOf(camera).length),
        "data-key": "still",
      }),
    ),
  );
}

function panned(camera, speed) {
  const now = Math.hypot(camera.x, camera.y);
  if (!now) return { x: speed, y: 0 };
  return { x: rounded((camera.x / now) * speed), y: rounded((camera.y / now) * speed) };
}

function dial(camera, fastest, set) {
  const svg = s("svg", {
    class: "dial",
    viewBox: `${-ROOM} ${-ROOM} ${2 * ROOM} ${2 * ROOM}`,
    "aria-label": "Camera wheel",
    role: "group",
  });
  const draw = (now) =>
    show(svg, rim(), ways(now, fastest), grip(now, fastest, "picture", 1), grip(now, fastest, "camera", -1));
  let hand = null;
  const placed = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = (2 * ROOM) / box.width;
    const [x, y] = [(event.clientX - box.left) * scale - ROOM, (event.clientY - box.top) * scale - ROOM];
    const length = Math.hypot(x, y);
    if (length < 7) return { x: 0, y: 0 };
    const speed = Math.min(length / RADIUS, 1) * fastest * hand;
    const angle = (Math.round(degrees(x, y) / 5) * 5 * Math.PI) / 180; // to 5 degrees, so that left is left
    return { x: rounded(Math.cos(angle) * speed), y: rounded(Math.sin(angle) * speed) };
  };
  svg.addEventListener("pointerdown", (event) => {
    hand = event.target.closest?.("[data-way]")?.dataset.way === "-1" ? -1 : 1;
    svg.setPointerCapture(event.pointerId);
    draw({ ...camera, ...placed(event) });
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => hand && draw({ ...camera, ...placed(event) }));
  svg.addEventListener("pointerup", (event) => {
    if (hand) set(placed(event));
    hand = null;
  });
  svg.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    const way = Number(/** @type {any} */ (event.target).dataset.way);
    if (!step || !way) return;
    event.preventDefault();
    event.stopPropagation();
    const by = (way * fastest) / 16;
    set({ x: rounded(camera.x + step[0] * by), y: rounded(camera.y + step[1] * by) }, "wheel");
  });
  draw(camera);
  return svg;
}

function rim() {
  const names = /** @type {Array<[string, number, number]>} */ ([
    ["left", -1, 0],
    ["right", 1, 0],
    ["up", 0, -1],
    ["down", 0, 1],
  ]);
  const texts = names.map(([name, x, y]) =>
    s(
      "text",
      {
        x: x * (RADIUS + 11),
        y: y * (RADIUS + 12) + 3.5,
        "text-anchor": "middle",
        "font-size": 10,
        transform: x ? `rotate(${x * 90} ${x * (RADIUS + 11)} ${y})` : null,
      },
      name,
    ),
  );
  return [
    s("circle", { r: RADIUS, class: "rim" }),
    s("circle", { r: RADIUS / 2, class: "ring" }),
    s("path", { d: `M${-RADIUS} 0H${RADIUS}M0 ${-RADIUS}V${RADIUS}`, class: "ring" }),
    texts,
  ];
}

/** The pan as arrows, the zoom as brackets that grow or shrink, the roll as a bow. */
function ways(camera, fastest) {
  const shapes = [];
  const at = tip(camera, fastest);
  if (Math.hypot(at.x, at.y) > 1) {
    shapes.push(s("g", { class: "picture-way" }, arrowShape({ x: 0, y: 0 }, at, 1, { width: 4, head: 15 })));
    shapes.push(
      s(
        "g",
        { class: "camera-way" },
        arrowShape({ x: 0, y: 0 }, { x: -at.x, y: -at.y }, 1, { width: 2.5, head: 13 }),
      ),
    );
  }
  if (camera.zoom) {
    const [from, to] = camera.zoom > 0 ? [17, 29] : [29, 17];
    const corners = [
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ];
    shapes.push(
      s(
        "g",
        { class: "picture-way" },
        corners.map(([x, y]) =>
          arrowShape({ x: x * from, y: y * from }, { x: x * to, y: y * to }, 1, { width: 2, head: 7 }),
        ),
      ),
    );
  }
  if (camera.turn) {
    const sign = Math.sign(camera.turn);
    const [r, a] = [46, 0.9];
    const end = { x: sign * r * Math.sin(a), y: -r * Math.cos(a) };
    const start = { x: -end.x, y: end.y };
    const before = { x: sign * r * Math.sin(a - 0.3), y: -r * Math.cos(a - 0.3) };
    shapes.push(
      s(
        "g",
        { class: "picture-way" },
        s("path", {
          d: `M${start.x} ${start.y}A${r} ${r} 0 0 ${sign > 0 ? 1 : 0} ${before.x} ${before.y}`,
          class: "edge bow",
        }),
        arrowShape(before, end, 1, { width: 2.5, head: 10 }),
      ),
    );
  }
  return shapes;
}

const tip = ({ x, y }, fastest) => {
  const scale = Math.min(1, fastest / Math.max(Math.hypot(x, y), 1e-9)) * (RADIUS / fastest);
  return { x: x * scale, y: y * scale };
};

function grip(camera, fastest, name, way) {
  const at = tip(camera, fastest);
  const still = Math.hypot(at.x, at.y) <= 1;
  const place = still ? { x: 0, y: way * 8 } : { x: at.x * way, y: at.y * way };
  const speed = Math.hypot(camera.x, camera.y);
  const goes = still
    ? "stands still"
    : `${heading(camera.x * way, camera.y * way)}, ${speed.toFixed(2)} px a frame`;
  return s(
    "g",
    {
      class: `grip dot ${name}-way`,
      tabindex: 0,
      role: "button",
      "data-way": way,
      "data-key": `wheel ${name}`,
      "aria-label": `The ${name}: ${goes}. Arrow keys change it.`,
    },
    s("circle", { cx: place.x, cy: place.y, r: 14, class: "reach" }),
    s("circle", { cx: place.x, cy: place.y, r: still ? 5 : 11 }),
  );
}
