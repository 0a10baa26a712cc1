/** The list of layers: their colours, names and eyes. What is not seen is not asked. */

import { COLOR_NAMES, COLORS, MOTIONS, newLayer } from "../draw/layers.js";
import { inWords } from "../draw/regions.js";
import { h, show } from "../ground/dom.js";
import { icon } from "../ground/icons.js";
import { watch } from "../ground/watch.js";

/** @param {import("../ground/state.js").State} state */
export function layersPanel(state) {
  const list = h("ul", { class: "layers" });
  const add = iconButton("plus", "New layer", () => addLayer(state), { "data-key": "add layer" });
  const element = h(
    "section",
    { class: "panel layers-panel", "aria-labelledby": "layers-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "layers-title" }, "Layers"), add),
    list,
  );
  const render = () =>
    show(
      list,
      state.doc.layers.map((layer) => row(state, layer)),
      state.doc.layers.length ? null : empty(),
    );
  watch([state], () => [state.doc.layers, state.view.chosen], render);
  return element;
}

const empty = () =>
  h(
    "li",
    { class: "empty" },
    "No layers yet. Each thing you draw becomes one, and each layer is one request.",
  );

export function addLayer(state) {
  const layer = newLayer(state.doc.layers);
  state.view.chosen = layer.id;
  state.commitLayer(layer, "add a layer");
}

export function removeLayer(state, layer) {
  state.commit(
    { layers: state.history.now.layers.filter(({ id }) => id !== layer.id) },
    `remove ${layer.name}`,
  );
}

export function copyLayer(state, layer) {
  const fresh = newLayer(state.doc.layers);
  const copy = { ...layer, id: fresh.id, color: fresh.color, name: `${layer.name} copy` };
  state.view.chosen = copy.id;
  state.commitLayer(copy, `copy ${layer.name}`);
}

function row(state, layer) {
  const chosen = layer.id === state.view.chosen;
  const count = layer.motion.points?.length;
  const put = (change, label, merge = "") => state.commitLayer({ ...layer, ...change }, label, merge);
  return h(
    "li",
    {
      class: `layer-row${chosen ? " chosen" : ""}${layer.seen ? "" : " hidden-layer"}`,
      style: { "--color": layer.color },
      on: { click: () => chosen || state.look({ chosen: layer.id, key: null }) },
    },
    swatch(layer, put),
    h(
      "div",
      { class: "layer-text" },
      h("input", {
        type: "text",
        class: "bare",
        maxlength: 60,
        "aria-label": "Name of the layer",
        "aria-current": chosen ? "true" : null,
        "data-key": `name ${layer.id}`,
        value: layer.name,
        on: {
          change: (event) => put({ name: event.target.value.trim() || layer.name }, "rename"),
          focus: () => chosen || state.look({ chosen: layer.id, key: null }),
        },
      }),
      h(
        "small",
        {},
        `${MOTIONS[layer.motion.kind]}, ${layer.motion.kind === "points" ? count : inWords(layer.region)}`,
      ),
    ),
    iconButton(
      layer.seen ? "eye" : "closed",
      `${layer.seen ? "Hide" : "Show"} ${layer.name}`,
      () => put({ seen: !layer.seen }, layer.seen ? "hide" : "show"),
      { "aria-pressed": String(layer.seen), "data-key": `eye ${layer.id}` },
    ),
    iconButton("copy", `Copy ${layer.name}`, () => copyLayer(state, layer), {
      "data-key": `copy ${layer.id}`,
    }),
    iconButton("remove", `Remove ${layer.name}`, () => removeLayer(state, layer), {
      "data-key": `remove ${layer.id}`,
    }),
  );
}

/** Its colour; a press takes the next. */
function swatch(layer, put) {
  const at = COLORS.indexOf(layer.color);
  const next = COLORS[(at + 1) % COLORS.length];
  const name = COLOR_NAMES[at] ?? "own";
  return h("button", {
    type: "button",
    class: "swatch",
    title: "Another colour",
    "aria-label": `Colour of ${layer.name}: ${name}; another`,
    "data-key": `color ${layer.id}`,
    on: { click: () => put({ color: next }, "recolour", `color ${layer.id}`) },
  });
}

export function iconButton(name, label, press, props = {}) {
  const pressed = (event) => {
    event.stopPropagation();
    press();
  };
  return h(
    "button",
    { type: "button", class: "icon", title: label, "aria-label": label, ...props, on: { click: pressed } },
    icon(name),
  );
}
