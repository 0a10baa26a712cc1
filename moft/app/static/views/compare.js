/** Plain, steered, and one over the other, in step; what was asked, what came out, and what to try. */

import { api, at } from "../ground/api.js";
import { choice, h, s, show } from "../ground/dom.js";
import { fetched } from "../ground/frames.js";
import { trying } from "../ground/notices.js";
import { Player } from "../ground/player.js";
import { arrowShape } from "../stage/shapes.js";
import { outcome } from "./outcome.js";
import { watch } from "../ground/watch.js";

/** @param {import("../ground/world.js").World} world */
export function compareView(world) {
  const view = { run: null, frame: 0, over: "blend", arrows: true };
  const body = h("div", { class: "compare" });
  const pick = h("div", { class: "canvas-bar" });
  const player = new Player((frame) => put({ frame }), "Frame of both clips");
  const element = h("div", { class: "view compare-view" }, pick, body);
  const pictures = h("div", { class: "pictures" });
  const told_ = h("div", { class: "outcome" });
  const put = (change) => {
    Object.assign(view, change);
    if (view.run) frames(pictures, view, put);
  };

  const open = async (key) => {
    const run = await trying(() => api.run(key));
    if (!run || run.kind !== "steer" || run.state !== "done") return renderPick();
    await fetched(
      ["plain", "steered"].flatMap((part) =>
        Array.from({ length: run.size.frames }, (_, i) => at.frame(run.media[part], i)),
      ),
    );
    Object.assign(view, { run, frame: 0 });
    player.of(run.size.frames, run.fps);
    player.at(0);
    pictures.replaceChildren();
    frames(pictures, view, put);
    outcome(told_, run, world);
    show(body, pictures, controls(view, player, put), told_);
    renderPick();
  };
  const renderPick = () => {
    const done = world.history.filter(({ kind, state }) => kind === "steer" && state === "done");
    const options = done.map((run) => [run.key, `${run.title || "no prompt"}, seed ${run.job.seed ?? 0}`]);
    if (!done.length)
      return show(
        pick,
        h(
          "p",
          { class: "empty" },
          "Nothing to compare yet. ",
          h("a", { href: "#draw" }, "Draw a motion and generate it."),
        ),
      );
    show(
      pick,
      h("label", { for: "compare-run" }, "Run"),
      choice(
        view.run?.key ?? "",
        [["", "choose …"], .../** @type {any} */ (options)],
        (key) => key && (location.hash = `compare/${key}`),
        { id: "compare-run", "data-key": "compare run" },
      ),
      h("span", { class: "canvas-state" }, view.run ? verdict(view.run) : ""),
    );
  };
  const shown = (key) => {
    renderPick();
    const wanted =
      key ||
      view.run?.key ||
      world.history.find(({ kind, state }) => kind === "steer" && state === "done")?.key;
    if (wanted && wanted !== view.run?.key) open(wanted);
  };
  watch(
    [world],
    () => [world.listing],
    () => {
      renderPick();
      if (!element.hidden && !view.run) shown("");
    },
  );
  const shortcuts = () => [
    { keys: ",", does: "A frame back", run: () => player.step(-1) },
    { keys: ".", does: "A frame on", run: () => player.step(1) },
    { keys: "t", does: "Play and pause", run: () => player.toggled() },
    { keys: "a", does: "Arrows", run: () => put({ arrows: !view.arrows }) },
  ];
  return { element, player, shown, shortcuts };
}

const verdict = ({ followed }) => ({ true: "followed", false: "not followed" })[String(followed)] ?? "";

/** The three pictures, at one frame. */
function frames(place, view, put) {
  const { run, frame, over } = view;
  const source = (part) => at.frame(run.media[part], frame);
  if (!place.firstChild) {
    place.append(
      figure("plain", "Plain", run, [h("img", { alt: "Plain clip", class: "p" })]),
      figure("steered", "Steered", run, [h("img", { alt: "Steered clip", class: "s" })]),
      overlay(view, put),
    );
  }
  for (const picture of place.querySelectorAll("img.p")) picture.setAttribute("src", source("plain"));
  for (const picture of place.querySelectorAll("img.s")) picture.setAttribute("src", source("steered"));
  place.querySelector(".over").dataset.over = over;
  for (const part of ["plain", "steered"])
    show(place.querySelector(`.${part} svg`), view.arrows ? arrowsOf(run, part, frame) : null);
}

function figure(part, text, run, pictures) {
  const { width, height } = run.size;
  const drawing = s("svg", {
    viewBox: `0 0 ${width} ${height}`,
    class: "over-arrows",
    role: "img",
    "aria-label": `Asked and measured motion of the ${part} clip`,
  });
  return h(
    "figure",
    { class: part },
    h("div", { class: "shot", style: { "--aspect": `${width} / ${height}` } }, pictures, drawing),
    h("figcaption", {}, text),
  );
}

/** Both in one place: mixed, their difference, or a curtain between them. */
function overlay(view, put) {
  const { width, height } = view.run.size;
  const shot = h(
    "div",
    {
      class: "shot over",
      "data-over": view.over,
      style: { "--aspect": `${width} / ${height}`, "--curtain": "50%" },
    },
    h("img", { alt: "Plain under the steered clip", class: "p" }),
    h("img", { alt: "Steered over the plain clip", class: "s" }),
  );
  const curtain = h("input", {
    type: "range",
    min: 0,
    max: 100,
    value: 50,
    "aria-label": "Curtain between plain and steered",
    on: { input: (event) => shot.style.setProperty("--curtain", `${event.target.value}%`) },
  });
  const modes = [
    ["blend", "Both mixed"],
    ["difference", "Difference"],
    ["curtain", "Curtain"],
  ];
  const set = (over) => {
    curtain.hidden = over === "difference";
    curtain.setAttribute(
      "aria-label",
      over === "blend" ? "How much of the steered clip" : "Curtain between plain and steered",
    );
    put({ over });
  };
  return h(
    "figure",
    { class: "both" },
    shot,
    h(
      "figcaption",
      { class: "row" },
      choice(view.over, /** @type {any} */ (modes), set, {
        "aria-label": "How both are shown",
        class: "small",
      }),
      curtain,
    ),
  );
}

/**
 * Where each request is measured: what was asked, dashed, and what came out. px a frame, over the whole clip.
 */
function arrowsOf(run, part, frame) {
  const px = run.size.width / 320;
  const far = Math.max(run.size.frames - 1, 1);
  return (run.outcome ?? []).flatMap((one) => {
    if (one.path) return trailsOf(one, part, frame, px);
    if (!one.arrow) return [];
    const {
      at: [x, y],
      asked,
    } = one.arrow;
    const made = one.arrow[part];
    const arrow = (by, kind) =>
      by &&
      s(
        "g",
        { class: kind },
        still(by)
          ? s("circle", { cx: x + 0.5, cy: y + 0.5, r: 5 * px, class: "edge" })
          : arrowShape(
              { x: x + 0.5, y: y + 0.5 },
              { x: x + 0.5 + by[0] * far, y: y + 0.5 + by[1] * far },
              px,
              { width: kind === "asked" ? 2 : 3, head: 10 },
            ),
      );
    return [arrow(asked, "asked"), arrow(made, "measured")];
  });
}

const still = (by) => Math.hypot(by[0], by[1]) < 0.05;

function trailsOf(one, part, frame, px) {
  const line = (points, kind) =>
    points &&
    s(
      "g",
      { class: kind },
      s("polyline", { class: "under", points: points.map(([x, y]) => `${x + 0.5},${y + 0.5}`).join(" ") }),
      s("polyline", { class: "edge", points: points.map(([x, y]) => `${x + 0.5},${y + 0.5}`).join(" ") }),
    );
  const [x, y] = one[part]?.[Math.min(frame, (one[part]?.length ?? 1) - 1)] ?? [null, null];
  return [
    line(one.path, "asked"),
    line(one[part], "measured"),
    x == null ? null : s("circle", { cx: x + 0.5, cy: y + 0.5, r: 4 * px, class: "here" }),
  ];
}

function controls(view, player, put) {
  const arrows = h("input", {
    type: "checkbox",
    id: "show-arrows",
    checked: view.arrows,
    on: { change: (event) => put({ arrows: event.target.checked }) },
  });
  return h(
    "div",
    { class: "compare-controls" },
    player.element,
    h(
      "div",
      { class: "field check" },
      arrows,
      h("label", { for: "show-arrows" }, "Arrows"),
      h(
        "span",
        { class: "legend" },
        h("i", { class: "asked" }),
        "asked",
        h("i", { class: "measured" }),
        "measured",
      ),
    ),
  );
}
