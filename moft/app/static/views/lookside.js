/** How to look: which map, which feature, which layer and timestep, which other clips. */

import { choice, h, labelled } from "../ground/dom.js";
import { planeOf } from "./maps.js";

const DESIGNS = [
  ["moft", "motion channels (MOFT)"],
  ["ccr", "all channels, content taken away"],
  ["vanilla", "as the model has it"],
  ["dift", "DIFT: what it is, not how it moves"],
];

export function sidePanels(view, world, changed) {
  const { model } = world;
  if (!model?.look)
    return h("section", { class: "panel" }, h("p", { class: "hint" }, "The model is still loading."));
  const { timesteps } = model.look;
  const timestep = view.timestep ?? view.found?.timestep ?? model.look.timestep;
  const nearest = timesteps.reduce(
    (best, one, i) => (Math.abs(one - timestep) < Math.abs(timesteps[best] - timestep) ? i : best),
    0,
  );
  const layers = model.layers ?? [];
  const layer = layers.indexOf(view.layer || model.look.layer);
  const views = [
    ["likeness", "What moves alike"],
    ["motion", "The motion, in px"],
    ["plane", "Directions plane"],
  ];
  return [
    h(
      "section",
      { class: "panel", "aria-labelledby": "look-how" },
      h("h2", { id: "look-how" }, "How to look"),
      labelled(
        "Show",
        choice(view.show, /** @type {any} */ (views), (one) => changed({ show: one }), {
          "data-key": "look show",
        }),
      ),
      labelled(
        "Feature",
        choice(view.design, /** @type {any} */ (DESIGNS), (design) => changed({ design }), {
          "data-key": "look design",
        }),
      ),
      slider(
        "Layer",
        layers.length,
        layer,
        layers[layer] ?? "",
        (i) => changed({ layer: layers[i] }),
        "look layer",
      ),
      slider(
        "Timestep",
        timesteps.length,
        nearest,
        String(timesteps[nearest]),
        (i) => changed({ timestep: timesteps[i] }),
        "look timestep",
      ),
      h("p", { class: "hint" }, "A new layer or timestep is read once, then kept."),
    ),
    ...(view.show === "likeness" ? [others(view, world, changed), scale()] : []),
    view.show === "plane"
      ? h(
          "section",
          { class: "panel" },
          h("h2", {}, "Directions"),
          view.plane ? planeOf(view.plane) : h("p", { class: "hint" }, "…"),
        )
      : null,
  ];
}

/** What the colours of likeness mean. */
function scale() {
  return h(
    "section",
    { class: "panel" },
    h("div", {
      class: "heat-scale",
      role: "img",
      "aria-label":
        "Scale from the opposite motion, blue, over nothing in common, clear, to the same motion, amber",
    }),
    h(
      "div",
      { class: "row between" },
      ["−1", "cosine", "+1"].map((text) => h("small", {}, text)),
    ),
  );
}

function slider(text, count, at_, shown, change, key) {
  const input = h("input", {
    type: "range",
    min: 0,
    max: Math.max(count - 1, 0),
    step: 1,
    value: Math.max(at_, 0),
    "aria-valuetext": shown,
    "data-key": key,
    on: { change: (event) => change(event.target.valueAsNumber) },
  });
  return labelled(text, input, { hint: shown });
}

/** Other clips to light up by the same point. */
function others(view, world, changed) {
  const clips = world
    .clips()
    .filter(({ id }) => id !== view.media)
    .slice(0, 12);
  const toggle = (id, on) =>
    changed({ others: on ? [...view.others, id].slice(-4) : view.others.filter((one) => one !== id) });
  const rows = clips.map(({ id, name }, i) =>
    h(
      "div",
      { class: "field check" },
      h("input", {
        type: "checkbox",
        id: `other-${i}`,
        checked: view.others.includes(id),
        "data-key": `other ${id}`,
        on: { change: (event) => toggle(id, event.target.checked) },
      }),
      h("label", { for: `other-${i}` }, name),
    ),
  );
  return h(
    "section",
    { class: "panel", "aria-labelledby": "look-others" },
    h("h2", { id: "look-others" }, "Also in"),
    rows.length ? rows : h("p", { class: "hint" }, "Other clips appear here, up to four at once."),
  );
}
