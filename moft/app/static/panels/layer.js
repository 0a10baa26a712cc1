/** What the chosen layer asks: how it moves, where, when and how hard. */

import { STILL, USUAL } from "../draw/camera.js";
import { MOTIONS, speedOf, withSpeed } from "../draw/layers.js";
import { drawn, inWords as placeInWords, middleOf, rounded } from "../draw/regions.js";
import { EASES } from "../draw/timing.js";
import { button, choice, fileInput, h, labelled, numeric, show } from "../ground/dom.js";
import { likeEditor, fieldEditor } from "./follow.js";
import { cameraWheel } from "./wheel.js";
import { watch } from "../ground/watch.js";

/** @param {import("../ground/state.js").State} state @param {any} world what the server said of itself */
export function layerPanel(state, world) {
  const body = h("div", { class: "panel-body" });
  const title = h("h2", { id: "layer-title" });
  const element = h(
    "section",
    { class: "panel", "aria-labelledby": "layer-title" },
    h("div", { class: "panel-head" }, title),
    body,
  );
  const render = () => {
    const { layer } = state;
    element.hidden = !layer;
    if (!layer) return;
    title.textContent = layer.name;
    element.style.setProperty("--color", layer.color);
    show(body, editor(state, layer, world));
  };
  watch([state, world], () => [state.layer, state.doc.size, world.listing], render);
  return element;
}

function editor(state, layer, world) {
  const put = (change, label, merge = "") => state.commitLayer({ ...layer, ...change }, label, merge);
  const alone = layer.motion.kind === "points";
  return [
    labelled("What it does", motionChoice(state, layer, put)),
    motionEditor(state, layer, put, world),
    alone ? null : regionEditor(state, layer, put, world),
    alone ? null : more(layer, put),
  ];
}

function motionChoice(state, layer, put) {
  const kinds = Object.entries(MOTIONS).filter(([kind]) => kind !== "words" || layer.motion.kind === "words");
  return choice(
    layer.motion.kind,
    /** @type {any} */ (kinds),
    (kind) => put(startOf(kind, state, layer), "choose a motion"),
    { "data-key": "motion kind" },
  );
}

/** What a layer begins with when its motion is chosen from the list. */
export function startOf(kind, state, layer) {
  const { size } = state.doc;
  const { x, y } = middleOf(layer.region, size);
  const step = Math.min(size.width, size.height) / 5;
  const keys = [
    { frame: 0, x, y },
    { frame: size.frames - 1, x: rounded(x + step), y },
  ];
  const motions = {
    none: { kind },
    still: { kind },
    arrow: { kind, from: { x, y }, to: { x: rounded(x + step), y } },
    path: { kind, keys },
    camera: { kind, camera: { ...STILL, x: rounded(-Math.min(size.width, size.height) * USUAL) } },
    like: { kind, clip: "", name: "", part: "", frames: null, within: null, by: "" },
    field: { kind, file: "", name: "" },
    points: { kind, points: [{ keys }], radius: null },
  };
  const timed = kind === "arrow" || kind === "camera";
  return {
    motion: motions[kind],
    ...(timed ? {} : { span: null, ease: "" }),
    ...(kind === "points" ? { region: { kind: "everywhere" }, way: "stays" } : {}),
  };
}

function motionEditor(state, layer, put, world) {
  const { motion } = layer;
  const { size } = state.doc;
  const change = (part, label, merge = "") => put({ motion: { ...motion, ...part } }, label, merge);
  if (motion.kind === "none") return h("p", { class: "hint" }, "Draw an arrow or a path, or choose above.");
  if (motion.kind === "still") return h("p", { class: "hint" }, "It is held where it is.");
  if (motion.kind === "words")
    return h(
      "p",
      { class: "hint" },
      Object.entries(motion.words)
        .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
        .join(", "),
    );
  if (motion.kind === "arrow") {
    const speed = labelled(
      "Speed",
      numeric(
        rounded(speedOf(layer, size)),
        (value) => state.commitLayer(withSpeed(layer, value, size), "speed"),
        { min: 0, step: 0.1, "data-key": "speed" },
      ),
      {
        unit: "px/frame",
        hint: `${rounded(Math.hypot(motion.to.x - motion.from.x, motion.to.y - motion.from.y))} px in all`,
      },
    );
    return [h("div", { class: "row" }, speed, ease(layer, put)), span(layer, put)];
  }
  if (motion.kind === "camera") {
    const set = (camera, merge) => change({ camera }, "set the camera", merge);
    return [
      cameraWheel(motion.camera, { side: Math.min(size.width, size.height), change: set }),
      h("div", { class: "row" }, ease(layer, put)),
      span(layer, put),
    ];
  }
  if (motion.kind === "path") {
    const [first, last] = [motion.keys[0].frame + 1, motion.keys.at(-1).frame + 1];
    return h(
      "p",
      { class: "hint" },
      `${motion.keys.length} keys from frame ${first} to ${last}. `,
      "Their times stand under the picture; at another frame, drag the ring to set a key.",
    );
  }
  if (motion.kind === "points") return pointsEditor(motion, change);
  return motion.kind === "like" ? likeEditor(layer, change, world) : fieldEditor(layer, change, world);
}

function pointsEditor(motion, change) {
  const rows = motion.points.map((point, i) => {
    const stays = point.keys.length === 1;
    const without = () => change({ points: motion.points.filter((_, k) => k !== i) }, "remove a point");
    const text = stays
      ? "stays"
      : `goes to ${Math.round(point.keys.at(-1).x)}, ${Math.round(point.keys.at(-1).y)}`;
    return h(
      "li",
      {},
      h("span", {}, `${Math.round(point.keys[0].x)}, ${Math.round(point.keys[0].y)} ${text}`),
      button("Remove", without, { class: "quiet small", "aria-label": `Remove point ${i + 1}` }),
    );
  });
  const radius = labelled(
    "Radius",
    h("input", {
      type: "number",
      min: 1,
      step: 1,
      placeholder: "as suits",
      value: motion.radius ?? "",
      "data-key": "radius",
      on: { change: (event) => change({ radius: event.target.valueAsNumber || null }, "radius") },
    }),
    { unit: "px", hint: "How far around a point the picture goes with it." },
  );
  return [h("ul", { class: "points" }, rows), radius];
}

function ease(layer, put) {
  const options = [["", "evenly"], ...Object.keys(EASES).map((one) => [one, `ease ${one}`])];
  return labelled(
    "Pace",
    choice(layer.ease, /** @type {any} */ (options), (value) => put({ ease: value }, "ease"), {
      "data-key": "ease",
    }),
  );
}

/** The part of the clip in which it moves. */
function span(layer, put) {
  const [start, end] = (layer.span ?? [0, 1]).map((share) => Math.round(share * 100));
  const set = (from, to) => {
    if (!(from >= 0 && to <= 100 && from < to)) return;
    put({ span: from === 0 && to === 100 ? null : [from / 100, to / 100] }, "when it moves");
  };
  return h(
    "div",
    { class: "row" },
    labelled(
      "Moves from",
      numeric(start, (value) => set(value, end), { min: 0, max: 99, step: 1, "data-key": "span from" }),
      { unit: "%" },
    ),
    labelled(
      "to",
      numeric(end, (value) => set(start, value), { min: 1, max: 100, step: 1, "data-key": "span to" }),
      { unit: "% of the clip" },
    ),
  );
}

function regionEditor(state, layer, put, world) {
  const { region } = layer;
  const kinds = [
    ["everywhere", "The whole picture, or what others leave"],
    ["rest", "What the others leave"],
  ];
  if (region.kind !== "everywhere" && region.kind !== "rest") kinds.unshift(["drawn", placeInWords(region)]);
  const pick = (kind) =>
    kind !== "drawn" && put({ region: { kind }, way: "stays", regionKeys: [] }, "choose a region");
  const where = choice(
    region.kind === "rest" || region.kind === "everywhere" ? region.kind : "drawn",
    /** @type {any} */ (kinds),
    pick,
    { "data-key": "region kind" },
  );
  const take = (media) =>
    put({ region: { kind: "file", text: `media:${media.id}` } }, "mask from a file");
  const upload = fileInput((files) => world.upload(files, "mask", take), {
    "aria-label": "A mask as a file",
    accept: "image/*,video/*",
    "data-key": "mask file",
  });
  return h(
    "fieldset",
    { class: "group" },
    h("legend", {}, "Where"),
    labelled("Region", where, { hint: drawn(region) ? "" : "Draw one with a box, a polygon or the brush." }),
    region.kind === "box" ? boxNumbers(layer, put) : null,
    drawn(region)
      ? regionWay(state, layer, put)
      : h("details", {}, h("summary", { "data-key": "mask from a file" }, "A mask from a file"), upload),
  );
}

/** A box in numbers, for hands that draw badly and for keyboards. */
function boxNumbers({ region }, put) {
  const one = (name, text) =>
    labelled(
      text,
      numeric(
        region[name],
        (value) =>
          (name === "x" || name === "y" || value > 0) &&
          put({ region: { ...region, [name]: value } }, "change the box"),
        { step: 1, "data-key": `box ${name}` },
      ),
    );
  return h(
    "div",
    { class: "row four" },
    one("x", "Left"),
    one("y", "Top"),
    one("width", "Width"),
    one("height", "Height"),
  );
}

function regionWay(state, layer, put) {
  const moving = ["arrow", "path", "camera"].includes(layer.motion.kind);
  const ways = [
    ["stays", "stays where it is"],
    ...(moving ? [["along", "goes along with the motion"]] : []),
    ["keys", "goes its own way"],
  ];
  const hint = layer.way === "keys" ? "Go to another frame and drag it there." : "";
  const set = (way) =>
    put({ way, regionKeys: way === "keys" ? [{ frame: 0, x: 0, y: 0 }] : [] }, "let the region move");
  return labelled(
    "The region",
    choice(layer.way, /** @type {any} */ (ways), set, { "data-key": "region way" }),
    { hint },
  );
}

function more(layer, put) {
  const steps = layer.steps ?? ["", ""];
  const setSteps = (i, text) => {
    const next = [...(layer.steps ?? [0, 1])];
    next[i] = Number(text) / 100;
    put({ steps: text === "" || !(next[0] < next[1]) ? null : next }, "when it is asked");
  };
  const step = (i, label) =>
    labelled(
      label,
      h("input", {
        type: "number",
        min: 0,
        max: 100,
        placeholder: "as suits",
        value: steps[i] === "" ? "" : steps[i] * 100,
        "data-key": `steps ${i}`,
        on: { change: (event) => setSteps(i, event.target.value) },
      }),
      { unit: "% of steps" },
    );
  return h(
    "details",
    { class: "more" },
    h("summary", { "data-key": "more of the layer" }, "How hard, and in which steps"),
    labelled(
      "Strength",
      numeric(layer.strength, (strength) => put({ strength }, "strength"), {
        min: 0,
        max: 1000,
        step: 0.1,
        "data-key": "strength",
      }),
      { hint: "1 is usual, 0 asks nothing." },
    ),
    h("div", { class: "row" }, step(0, "Asked from"), step(1, "to")),
  );
}
