/** What the clip shows and how it is made; the form comes from what moft says of its fields. */

import { button, fileInput, h, labelled, show } from "../ground/dom.js";
import { controlsFor, numberFor } from "./form.js";
import { watch } from "../ground/watch.js";

const ABOVE = ["prompt", "seed", "image", "video"]; // shown by hand

/** @param {import("../ground/state.js").State} state @param {import("../ground/world.js").World} world */
export function scenePanel(state, world) {
  const body = h("div", { class: "panel-body" });
  const prompt = h("textarea", {
    rows: 2,
    placeholder: "a red ball over blue cells",
    "data-key": "prompt",
    spellcheck: "true",
    on: { input: () => scene(state, { prompt: prompt.value }, "prompt") },
  });
  const element = h(
    "section",
    { class: "panel", "aria-labelledby": "scene-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "scene-title" }, "Scene")),
    labelled("Prompt", prompt, { wide: true }),
    body,
  );
  const render = () => {
    if (document.activeElement !== prompt) prompt.value = state.doc.scene.prompt ?? "";
    if (world.form) show(body, below(state, world));
  };
  const shown = () => {
    const { scene, settings, retries, size } = state.doc;
    return [scene, settings, retries, size, world.form, world.model, world.media];
  };
  watch([state, world], shown, render);
  return element;
}

function scene(state, change, label) {
  state.commit({ scene: { ...state.history.now.scene, ...change } }, `change the ${label}`, `scene ${label}`);
}

function below(state, world) {
  const { doc } = state;
  const { form, model } = world;
  const starts = model?.starts_from ?? [];
  const put = (name, value) =>
    name === "size" ? resize(state, world, value) : scene(state, { [name]: value }, name);
  const settings = (name, value) =>
    state.commit({ settings: changed(doc.settings, name, value) }, `change ${name}`, `settings ${name}`);
  return [
    seed(state, form.Scene.fields.seed),
    starts.includes("image") ? source(state, world, "image", "First frame", "image/*") : null,
    model?.video
      ? source(state, world, "video", "A real clip to steer", "video/*,image/gif,image/webp")
      : null,
    h(
      "details",
      { class: "more" },
      h("summary", { "data-key": "more of the scene" }, "Size, steps and guidance"),
      controlsFor(form.Scene.fields, { ...doc.scene, size: doc.size }, put, ABOVE),
    ),
    h(
      "details",
      { class: "more" },
      h("summary", { "data-key": "more of the steering" }, "How it is steered"),
      controlsFor(
        form.Job.fields,
        { retries: doc.retries },
        (_, value) => state.commit({ retries: value ?? 0 }, "change the retries"),
        ["scene", "requests", "settings"],
      ),
      controlsFor(form.Settings.fields, doc.settings, settings),
    ),
  ];
}

/** @returns {Record<string, any>} without what is as usual */
function changed(settings, name, value) {
  const { [name]: _, ...others } = settings;
  return value == null ? others : { ...others, [name]: value };
}

function resize(state, world, size) {
  const whole = size && Object.values(size).every((side) => Number.isInteger(side) && side > 0);
  if (size && !whole) return;
  state.resize(size ?? world.model?.size ?? state.doc.size, "change the size");
}

function seed(state, field) {
  const input = numberFor(
    field,
    state.doc.scene.seed ?? 0,
    (value) => scene(state, { seed: value ?? 0 }, "seed"),
    { "data-key": "seed" },
  );
  const another = () => scene(state, { seed: Math.floor(Math.random() * 1e6) }, "seed");
  return h(
    "div",
    { class: "row end" },
    labelled("Seed", input),
    button("Another", another, { class: "quiet", "data-key": "another seed", "aria-label": "Another seed" }),
  );
}

/** A file that the clip is made from. */
function source(state, world, name, text, accept) {
  const now = state.doc.scene[name];
  const take = (media) => scene(state, { [name]: `media:${media.id}` }, text.toLowerCase());
  const known = world.media.find(({ id }) => `media:${id}` === now);
  const kind = name === "image" ? "picture" : "clip";
  const input = fileInput((files) => world.upload(files, kind, take), {
    accept,
    "data-key": `source ${name}`,
  });
  const gone = now
    ? button("Take away", () => scene(state, { [name]: null }, text.toLowerCase()), {
        class: "quiet small",
        "data-key": `no ${name}`,
      })
    : null;
  return h(
    "div",
    { class: "source" },
    labelled(text, input, { hint: now ? (known?.name ?? now) : "" }),
    gone,
  );
}
