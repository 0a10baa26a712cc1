/** A clip or a field to follow: which, which part of it, which frames, where in it. */

import { boxBetween, meant } from "../draw/regions.js";
import { at } from "../ground/api.js";
import { choice, fileInput, h, labelled, optionsOf, s } from "../ground/dom.js";

const PARTS = [
  ["", "all of it"],
  ["mover", "what moves otherwise than its ground"],
  ["mover2", "the second such part"],
  ["ground", "its camera"],
];

export function likeEditor(layer, change, world) {
  const { motion } = layer;
  const options = optionsOf("choose …", world.clips(), motion.clip, motion.name || motion.clip);
  const pick = (id) =>
    change(
      { clip: id, name: options.find(([one]) => one === id)?.[1] ?? "", frames: null, within: null },
      "choose a clip",
    );
  const clip = world.clips().find(({ id }) => id === motion.clip);
  const take = (media) =>
    change({ clip: media.id, name: media.name, frames: null, within: null }, "choose a clip");
  const upload = fileInput((files) => world.upload(files, "clip", take), {
    accept: "video/*,image/*",
    "aria-label": "A clip as a file",
    "data-key": "like file",
  });
  const ways = [
    ["", "as suits"],
    ["flow", "its pixels"],
    ["moft", "what the model sees"],
  ];
  return [
    labelled("Clip", choice(motion.clip, options, pick, { "data-key": "like clip" })),
    upload,
    labelled(
      "Part",
      choice(motion.part, /** @type {any} */ (PARTS), (part) => change({ part }, "choose a part"), {
        "data-key": "like part",
      }),
    ),
    clip ? within(clip, motion, change) : null,
    clip ? frames(clip, motion, change) : null,
    labelled(
      "By",
      choice(motion.by, /** @type {any} */ (ways), (by) => change({ by }, "choose what is followed"), {
        "data-key": "like by",
      }),
    ),
  ];
}

function frames(clip, motion, change) {
  const [from, to] = motion.frames ?? [0, clip.frames];
  const set = (a, b) => {
    if (!(Number.isInteger(a) && Number.isInteger(b) && a >= 0 && b >= a + 2 && b <= clip.frames)) return;
    change({ frames: a === 0 && b === clip.frames ? null : [a, b] }, "choose frames");
  };
  const one = (text, value, changed) =>
    labelled(
      text,
      h("input", {
        type: "number",
        min: 1,
        max: clip.frames,
        step: 1,
        value,
        "data-key": `like ${text}`,
        on: { change: (event) => changed(event.target.valueAsNumber) },
      }),
    );
  return h(
    "div",
    { class: "row" },
    one("Frames from", from + 1, (value) => set(value - 1, to)),
    one("to", to, (value) => set(from, value)),
    h("small", { class: "hint" }, `of ${clip.frames}`),
  );
}

/** Where to look in it: a box over its first frame, in its own px. */
function within(clip, motion, change) {
  const box = motion.within?.kind === "box" ? motion.within : null;
  const shape = s("rect", {
    class: "within",
    x: box?.x ?? 0,
    y: box?.y ?? 0,
    width: box?.width ?? 0,
    height: box?.height ?? 0,
  });
  const svg = s("svg", { viewBox: `0 0 ${clip.width} ${clip.height}`, "aria-hidden": "true" }, shape);
  const place = (event) => {
    const area = svg.getBoundingClientRect();
    return {
      x: ((event.clientX - area.left) / area.width) * clip.width,
      y: ((event.clientY - area.top) / area.height) * clip.height,
    };
  };
  let from = null;
  const drawnBox = (event) => boxBetween(from, place(event), clip);
  svg.addEventListener("pointerdown", (event) => {
    from = place(event);
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    if (from)
      for (const [name, value] of Object.entries(drawnBox(event)))
        if (name !== "kind") shape.setAttribute(name, String(value));
  });
  svg.addEventListener("pointerup", (event) => {
    const made = drawnBox(event);
    from = null;
    change({ within: meant(made) ? made : null }, "where to look");
  });
  const number = (name, text) =>
    h("input", {
      type: "number",
      min: 0,
      placeholder: text,
      "aria-label": `Where to look, ${text}`,
      value: box?.[name] ?? "",
      "data-key": `within ${name}`,
      on: { change: (event) => numbered(name, event.target.valueAsNumber) },
    });
  const numbered = (name, value) => {
    const whole = { kind: "box", x: 0, y: 0, width: clip.width, height: clip.height };
    change({ within: Number.isFinite(value) ? { ...(box ?? whole), [name]: value } : null }, "where to look");
  };
  return h(
    "fieldset",
    { class: "field" },
    h("legend", {}, "Where to look in it"),
    h(
      "div",
      { class: "thumb-stage" },
      h("img", { src: at.frame(clip.id, 0), alt: `First frame of ${clip.name}`, draggable: "false" }),
      svg,
    ),
    h(
      "div",
      { class: "row four" },
      number("x", "left"),
      number("y", "top"),
      number("width", "width"),
      number("height", "height"),
    ),
    h(
      "small",
      { class: "hint" },
      box ? "Empty a number to look everywhere." : "Everywhere; drag a box over it to look in a part.",
    ),
  );
}

/** Tracks come before their visibility, which is of tracks that are there. */
async function inTurn(files, send) {
  for (const file of files.sort((a, b) => a.name.localeCompare(b.name))) await send(file);
}

/** A field, tracks or dense flow in a file; tracks may be two, with their visibility. */
export function fieldEditor(layer, change, world) {
  const { motion } = layer;
  const options = optionsOf("choose …", world.fields(), motion.file, motion.name || motion.file);
  const take = (media) => change({ file: media.id, name: media.name }, "choose a field");
  return [
    labelled(
      "Field",
      choice(
        motion.file,
        options,
        (id) => change({ file: id, name: options.find(([one]) => one === id)?.[1] ?? "" }, "choose a field"),
        { "data-key": "field file" },
      ),
    ),
    fileInput((files) => inTurn(files, (file) => world.upload([file], "field", take)), {
      "aria-label": "A field as a file",
      accept: ".safetensors,.npy,.npz,.json,.csv",
      multiple: true,
      "data-key": "field upload",
    }),
    h("p", { class: "hint" }, "A field that moft kept, tracks of points, or a dense flow."),
  ];
}
