/** Click on a clip, and all that moves alike lights up, in every frame and in other clips. */

import { at } from "../ground/api.js";
import { choice, fileInput, h, optionsOf, show } from "../ground/dom.js";
import { Player } from "../ground/player.js";
import { asker } from "./asking.js";
import { bytesOf, heatOf } from "./heat.js";
import { sidePanels } from "./lookside.js";
import { mainFrame } from "./pointing.js";
import { watch, whenChanged } from "../ground/watch.js";

const STRIP = 16; // frames in a strip

/** @param {import("../ground/world.js").World} world */
export function lookView(world) {
  const view = {
    media: "",
    others: [],
    layer: "",
    timestep: null,
    design: "moft",
    point: null,
    pointFrame: 0,
    frame: 0,
    found: null,
    motion: null,
    plane: null,
    show: "likeness",
    waiting: [],
  };
  const bar = h("div", { class: "canvas-bar" });
  const main = mainFrame();
  const strips = h("div", { class: "strips" });
  const side = h("div", { class: "side right" });
  const player = new Player((frame) => put({ frame }), "Frame of the clip that is looked into");
  const element = h(
    "div",
    { class: "view look-view" },
    h("div", { class: "middle" }, bar, main.element, player.element, strips),
    side,
  );
  const put = (change) => {
    Object.assign(view, change);
    render();
  };
  const render = () => {
    if (element.hidden) return;
    pick(view.media, view.found, world.listing);
    player.of(view.found?.size.frames ?? 1, 8);
    player.at(view.frame);
    main.render(view, world.model);
    lay(view.found, view.show, world.listing);
    const { found, plane, layer, timestep, design, others } = view;
    ask(view.show, found, plane, layer, timestep, design, others, world.model, world.listing);
  };
  const pick = whenChanged(() => show(bar, pickers(view, world, choose)));
  const lay = whenChanged(() => show(strips, stripsOf(view, world)));
  const ask = whenChanged(() => show(side, sidePanels(view, world, changed)));
  const asking = asker(view, world, put);
  const choose = (media) => {
    Object.assign(view, { media, point: null, found: null, motion: null, frame: 0 });
    history.replaceState(null, "", media ? `#look/${media}` : "#look");
    render();
    if (media) asking();
  };
  const changed = (change) => {
    Object.assign(view, change, { motion: null });
    render();
    if (view.media) asking();
  };
  main.pressed = (point) => changed({ point, pointFrame: view.frame });
  watch([world], () => [world.listing, world.model], render);
  const shown = (media) => {
    const wanted = media || view.media || world.clips()[0]?.id; // the newest
    if (wanted && wanted !== view.media) choose(wanted);
    else render();
  };
  const shortcuts = () => [
    { keys: ",", does: "A frame back", run: () => player.step(-1) },
    { keys: ".", does: "A frame on", run: () => player.step(1) },
    { keys: "t", does: "Play and pause", run: () => player.toggled() },
    { keys: "f", does: "Go to the picture", run: () => main.svg.focus() },
    { keys: "Enter", does: "On the picture: what moves like this point?" },
  ];
  return { element, player, shown, shortcuts };
}

function pickers(view, world, choose) {
  const options = optionsOf("choose …", world.clips(), view.media);
  const upload = fileInput((files) => world.upload(files, "clip", (media) => choose(media.id)), {
    id: "look-file",
    class: "unseen",
    accept: "video/*,image/gif,image/webp",
  });
  return [
    h("label", { for: "look-clip" }, "Clip"),
    choice(view.media, options, choose, { id: "look-clip", "data-key": "look clip" }),
    upload,
    h("label", { for: "look-file", class: "button quiet" }, "Upload"),
    view.found
      ? h("span", { class: "canvas-state" }, `${view.found.layer}, timestep ${view.found.timestep}`)
      : null,
  ];
}

/** All frames of all clips, lit. */
function stripsOf(view, world) {
  if (!view.found?.maps?.length || view.show !== "likeness") return [];
  return view.found.maps.map((map) => {
    const bytes = bytesOf(map);
    const every = Math.max(1, Math.ceil(map.frames / STRIP));
    const shots = Array.from({ length: Math.ceil(map.frames / every) }, (_, i) => {
      const heat = h("canvas", { class: "heat", "aria-hidden": "true" });
      heatOf(heat, bytes, map, i * every);
      const { width, height } = view.found.size;
      return h(
        "div",
        { class: "shot lit", style: { "--aspect": `${width} / ${height}` } },
        h("img", { src: at.looked(map.media, i * every), alt: `Frame ${i * every + 1}`, loading: "lazy" }),
        heat,
      );
    });
    const name = world.clips().find(({ id }) => id === map.media)?.name ?? map.media;
    return h(
      "section",
      { class: "strip", "aria-label": name },
      h("h3", {}, name, map.note ? h("small", {}, map.note) : null),
      h("div", { class: "shots" }, shots),
    );
  });
}
