/** The view to draw in: tools, picture, time, layers, scene, and the way to a run. */

import { newLayer } from "../draw/layers.js";
import { STILL } from "../draw/camera.js";
import { api, at } from "../ground/api.js";
import { h, show } from "../ground/dom.js";
import { icon } from "../ground/icons.js";
import { told, trying } from "../ground/notices.js";
import { canvasBar, drawOn, pictureOf } from "../panels/canvas.js";
import { generate, generatePanel } from "../panels/generate.js";
import { addLayer, copyLayer, iconButton, layersPanel, removeLayer } from "../panels/layers.js";
import { layerPanel, startOf } from "../panels/layer.js";
import { Preview } from "../panels/preview.js";
import { queuePanel } from "../panels/queue.js";
import { scenePanel } from "../panels/scene.js";
import { stepped, timeline } from "../panels/timeline.js";
import { layersOf } from "../draw/restore.js";
import { Stage } from "../stage/stage.js";
import { tools } from "../stage/tools.js";
import { watch } from "../ground/watch.js";

/** @param {import("../ground/state.js").State} state @param {import("../ground/world.js").World} world */
export function drawView(state, world) {
  const preview = new Preview(state, world);
  const live = () => world.runs.get(world.drawOn);
  const pictureAt = (frame) => {
    const making = live();
    if (making?.state === "running" && making.live) return at.live(making.key, making.live);
    return preview.pictureAt(frame) ?? pictureOf(state.doc, frame);
  };
  const stage = new Stage(state, pictureAt);
  const time = timeline(state);
  const shown = () => {
    stage.arrows = preview.arrowsAt(state.view.frame);
    stage.render();
  };
  preview.heard(() => {
    shown();
    if (preview.on && preview.found && !time.player.timer) time.player.toggled();
    if (!preview.on) time.player.pause();
  });
  state.heard(shown);
  world.heard(() => stage.render());
  world.onPlain = (run) => drawOn(state, world.clipsOf(run)[0]);
  const element = h(
    "div",
    { class: "view draw-view" },
    h("div", { class: "side left" }, layersPanel(state), layerPanel(state, world)),
    h(
      "div",
      { class: "middle" },
      canvasBar(state, world),
      toolbar(state, stage),
      stage.element,
      time.element,
    ),
    h(
      "div",
      { class: "side right" },
      scenePanel(state, world),
      generatePanel(state, world, preview),
      queuePanel(world),
    ),
  );
  return {
    element,
    player: time.player,
    shown: (key) => (key ? restore(state, world, key) : stage.render()),
    shortcuts: () => shortcuts(state, world, stage, time, preview),
  };
}

function toolbar(state, stage) {
  const bar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Tools" });
  const render = () => {
    const { view, history } = state;
    const pick = Object.entries(tools).map(([name, tool]) =>
      toolButton(
        name,
        tool.short,
        `${tool.label} (${tool.shortcut.toUpperCase()})`,
        () => state.look({ tool: name }),
        { "aria-pressed": String(view.tool === name) },
      ),
    );
    const undo = history.past.at(-1)?.label;
    const redo = history.future.at(-1)?.label;
    show(
      bar,
      h("div", { class: "tools" }, pick),
      h(
        "div",
        { class: "tools" },
        toolButton("camera", "Camera", "Camera (C)", () => quick(state, "camera")),
        toolButton("still", "Still", "Hold still (S)", () => quick(state, "still")),
        toolButton("like", "Clip", "Follow a clip (L)", () => quick(state, "like")),
      ),
      view.tool === "brush" ? brushBar(state) : null,
      h(
        "div",
        { class: "tools end" },
        iconButton("undo", undo ? `Undo: ${undo}` : "Undo", () => undone(state), {
          disabled: !undo,
          "data-key": "undo",
        }),
        iconButton("redo", redo ? `Redo: ${redo}` : "Redo", () => redone(state), {
          disabled: !redo,
          "data-key": "redo",
        }),
        iconButton("minus", "Zoom out", () => stage.zoomBy(0.8), {
          disabled: view.zoom <= 1,
          "data-key": "zoom out",
        }),
        h("span", { class: "zoom" }, `${Math.round(view.zoom * 100)}%`),
        iconButton("plus", "Zoom in", () => stage.zoomBy(1.25), { "data-key": "zoom in" }),
      ),
    );
  };
  const shown = () => {
    const { tool, zoom, brush, erase } = state.view;
    return [tool, zoom, brush, erase, state.history.now, state.history.past.length];
  };
  watch([state], shown, render);
  return bar;
}

function toolButton(name, text, label, press, props = {}) {
  return h(
    "button",
    {
      type: "button",
      class: "tool",
      title: label,
      "aria-label": label,
      "data-key": `tool ${name}`,
      ...props,
      on: { click: press },
    },
    icon(name),
    text,
  );
}

function brushBar(state) {
  const { view, doc } = state;
  const most = Math.round(Math.min(doc.size.width, doc.size.height) / 2);
  return h(
    "div",
    { class: "tools brush" },
    h("label", { for: "brush-width" }, "Width"),
    h("input", {
      id: "brush-width",
      type: "range",
      min: 1,
      max: most,
      value: view.brush,
      "data-key": "brush width",
      on: { input: (event) => state.look({ brush: event.target.valueAsNumber }) },
    }),
    h("output", {}, `${view.brush} px`),
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(view.erase),
        "data-key": "erase",
        on: { click: () => state.look({ erase: !view.erase }) },
      },
      "Rub out",
    ),
  );
}

/** A layer that needs no drawing: of the chosen one if it asks nothing yet. */
function quick(state, kind) {
  const { layer } = state;
  const into =
    layer?.seen && (layer.motion.kind === "none" || (kind === "camera" && layer.motion.kind === "camera"));
  const base = into ? layer : newLayer(state.doc.layers);
  const made = into && layer.motion.kind === kind ? layer : { ...base, ...startOf(kind, state, base) };
  if (kind === "camera" && made.motion.kind !== "camera") made.motion = { kind, camera: STILL };
  state.view.chosen = made.id;
  state.commitLayer(made, `add ${kind}`);
}

const undone = (state) => state.undo() && state.look({});
const redone = (state) => state.redo() && state.look({});

/** Bring back what a run was made from. */
async function restore(state, world, key) {
  const run = await trying(() => api.run(key));
  location.replace("#draw");
  if (!run) return;
  if (run.kind === "plain" && run.state === "done") drawOn(state, world.clipsOf(run)[0]);
  else takeJob(state, world, run.job, run.drawing);
  told(
    run.kind === "plain" ? "Draw on this clip." : "The drawing of that run is back. Undo brings back yours.",
  );
}

/** A job becomes the drawing. @param {any} drawing the page's own, if it is known */
export function takeJob(state, world, job, drawing = null) {
  const size = job.size ?? drawing?.size ?? world.model?.size ?? state.doc.size;
  const { requests, settings = {}, retries = 0, ...scene } = job;
  const layers = drawing?.layers ?? layersOf(requests, size);
  delete scene.size;
  const usual = Object.fromEntries(
    Object.entries(world.form?.Settings?.fields ?? {}).map(([name, field]) => [name, field.default]),
  );
  const own = Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) => value != null && JSON.stringify(value) !== JSON.stringify(usual[name]),
    ),
  );
  const given = Object.fromEntries(Object.entries(scene).filter(([, value]) => value != null));
  state.view.chosen = layers[0]?.id ?? null;
  state.view.frame = 0;
  state.commit(
    {
      layers,
      size,
      clip: drawing?.clip ?? state.doc.clip,
      scene: { prompt: "", seed: 0, ...given },
      settings: own,
      retries,
    },
    "take a job",
  );
}

function shortcuts(state, world, stage, time, preview) {
  const { view } = state;
  const brush = (by) => state.look({ brush: Math.max(1, Math.min(view.brush + by, 512)) });
  return [
    ...Object.entries(tools).map(([name, tool]) => ({
      keys: tool.shortcut,
      does: tool.label,
      run: () => state.look({ tool: name }),
    })),
    { keys: "c", does: "Camera", run: () => quick(state, "camera") },
    { keys: "s", does: "Hold still", run: () => quick(state, "still") },
    { keys: "l", does: "Follow a clip", run: () => quick(state, "like") },
    { keys: "f", does: "Go to the picture", run: () => stage.svg.focus() },
    { keys: "Escape", does: "Give up a stroke; back to choosing", run: () => state.look({ tool: "choose" }) },
    { keys: "Ctrl+z", does: "Undo", run: () => undone(state) },
    { keys: "Ctrl+Shift+z or Ctrl+y", does: "Redo", run: () => redone(state) },
    { keys: "+ or =", does: "Zoom in", run: () => stage.zoomBy(1.25) },
    { keys: "-", does: "Zoom out", run: () => stage.zoomBy(0.8) },
    { keys: "0", does: "The whole picture", run: () => state.look({ zoom: 1 }) },
    { keys: ",", does: "A frame back", run: () => stepped(state, -1) },
    { keys: ".", does: "A frame on", run: () => stepped(state, 1) },
    { keys: "t", does: "Play and pause", run: () => time.player.toggled() },
    { keys: "w", does: "Preview", run: () => preview.toggle() },
    { keys: "Ctrl+Enter", does: "Generate", run: () => generate(state, world) },
    { keys: "n", does: "New layer", run: () => addLayer(state) },
    { keys: "Ctrl+d", does: "Copy the layer", run: () => state.layer && copyLayer(state, state.layer) },
    {
      keys: "Delete",
      does: "Remove the layer, or the handle that has the focus",
      run: () => state.layer && removeLayer(state, state.layer),
    },
    {
      keys: "h",
      does: "Hide or show the layer",
      run: () =>
        state.layer && state.commitLayer({ ...state.layer, seen: !state.layer.seen }, "hide or show"),
    },
    { keys: "[", does: "A narrower brush", run: () => brush(-1) },
    { keys: "]", does: "A wider brush", run: () => brush(1) },
    { keys: "x", does: "Rub out with the brush", run: () => state.look({ erase: !view.erase }) },
    { keys: "Enter", does: "On the picture: begin and end a stroke, set a place" },
    { keys: "Shift+Enter", does: "On the picture: close a polygon, end a path" },
  ];
}
