/**
 * The clip that is looked into at one frame: what is alike lies over it, and a cross that hand or keys set.
 */

import { at } from "../ground/api.js";
import { h, s, show } from "../ground/dom.js";
import { ARROWS } from "../ground/keys.js";
import { cross } from "../stage/shapes.js";
import { bytesOf, floatsOf, heatOf } from "./heat.js";
import { mapArrows } from "./maps.js";

/** Its element, how it is shown anew, and what is told when a point is asked about. */
export function mainFrame() {
  const picture = h("img", { alt: "", draggable: "false" });
  const heat = h("canvas", { class: "heat", "aria-hidden": "true" });
  const svg = s("svg", {
    class: "look-over",
    tabindex: 0,
    role: "application",
    "aria-roledescription": "picture to point at",
  });
  const shot = h("div", { class: "shot" }, picture, heat, svg);
  const say = h("p", { class: "stage-hint", "aria-live": "polite" });
  const made = {
    element: h("div", { class: "look-main" }, shot, say),
    svg,
    pressed: (_) => {},
    render: (_view, _model) => {},
  };
  const light = (map, frame) => {
    if (!map || (map === lit.map && frame === lit.frame)) return;
    heatOf(heat, bytesOf(map), map, frame);
    lit = { map, frame };
  };
  let lit = { map: null, frame: 0 };
  let [size, cursor] = [{ width: 64, height: 64 }, null];
  svg.addEventListener("pointerdown", (event) => {
    const box = svg.getBoundingClientRect();
    made.pressed([
      ((event.clientX - box.left) / box.width) * size.width - 0.5,
      ((event.clientY - box.top) / box.height) * size.height - 0.5,
    ]);
  });
  svg.addEventListener("keydown", (event) => {
    const move = ARROWS[event.key];
    cursor ??= [Math.floor(size.width / 2), Math.floor(size.height / 2)];
    const step = event.shiftKey ? 8 : 1;
    if (move)
      cursor = [
        Math.min(Math.max(cursor[0] + move[0] * step, 0), size.width - 1),
        Math.min(Math.max(cursor[1] + move[1] * step, 0), size.height - 1),
      ];
    else if (event.key === "Enter" || event.key === " ") made.pressed(cursor);
    else return;
    event.preventDefault();
    event.stopPropagation();
    made.redraw?.();
  });
  made.render = (view, model) => {
    size = view.found?.size ?? model?.size ?? size;
    shot.style.setProperty("--aspect", `${size.width} / ${size.height}`);
    shot.style.setProperty("--ratio", String(size.width / size.height));
    shot.hidden = !view.media;
    const source = !view.media
      ? ""
      : view.found
        ? at.looked(view.media, view.frame)
        : at.frame(view.media, 0, size);
    if (picture.getAttribute("src") !== source) picture.setAttribute("src", source);
    svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    svg.setAttribute(
      "aria-label",
      "Click what you ask about, or move the cross with the arrow keys and press Enter",
    );
    const map = view.show === "likeness" ? view.found?.maps?.[0] : null;
    heat.hidden = !map;
    shot.classList.toggle("lit", Boolean(map));
    light(map, view.frame);
    made.redraw = () => {
      const px = size.width / 320;
      const mark = cursor ? cross(cursor[0] + 0.5, cursor[1] + 0.5, 6 * px, "cursor") : null;
      const point =
        view.point && view.frame === view.pointFrame
          ? s(
              "g",
              { class: "point" },
              s("circle", { cx: view.point[0] + 0.5, cy: view.point[1] + 0.5, r: 5 * px, class: "under" }),
              s("circle", { cx: view.point[0] + 0.5, cy: view.point[1] + 0.5, r: 5 * px, class: "edge" }),
            )
          : null;
      show(
        svg,
        view.show === "motion" && view.motion
          ? mapArrows(view.motion, floatsOf(view.motion), view.frame, size)
          : null,
        point,
        mark,
      );
    };
    made.redraw();
    say.textContent = sayOf(view);
  };
  return made;
}

function sayOf(view) {
  if (!view.media) return "Choose a clip to look into.";
  if (view.waiting.length) return "The model reads the clip …";
  if (view.show === "motion") return "How each place moves, as the model sees it, to the next frame.";
  if (view.show === "plane") return "";
  if (!view.point) return "Click on something: what moves like it lights up, in every frame.";
  return "Amber moves alike, blue the other way, clear has nothing in common.";
}
