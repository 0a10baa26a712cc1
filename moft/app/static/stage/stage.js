/**
 * The picture and what is drawn on it. Everything is stored in px of the clip from its upper left corner; an
 * SVG of the picture's own size lies over it, so a place on the screen is one division away, whatever the
 * zoom.
 */

import { h, s, show } from "../ground/dom.js";
import { gripsOf } from "../draw/grips.js";
import { gesturesOn } from "./gestures.js";
import { cross, frameNear, gripShape, layerShape, motionArrows } from "./shapes.js";
import { tools } from "./tools.js";

const MOST_ZOOM = 16;

export class Stage {
  /** @param {import("../ground/state.js").State} state @param {(frame: number) => string | null} pictureAt */
  constructor(state, pictureAt) {
    this.state = state;
    this.pictureAt = pictureAt;
    /** @type {Array<{at: any, step: any}>} what the preview says moves, at this frame */
    this.arrows = [];
    this.picture = h("img", { alt: "", draggable: "false" });
    this.svg = s("svg", {
      class: "drawing",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "drawing",
      "aria-label":
        "Drawing. Arrow keys move the cursor, Enter begins and ends a stroke, Escape gives up, " +
        "Tab goes to the handles.",
    });
    this.sheet = h("div", { class: "sheet" }, this.picture, this.svg);
    this.hint = h("p", { class: "stage-hint" });
    this.place = h("output", { class: "place", "aria-live": "polite" });
    this.scroll = h("div", { class: "stage-scroll" }, this.sheet);
    this.element = h(
      "section",
      { class: "stage", "aria-label": "Picture" },
      this.scroll,
      h("div", { class: "stage-foot" }, this.hint, this.place),
    );
    this.tool = null;
    this.cursor = null;
    new ResizeObserver(() => this.render()).observe(this.scroll);
    this.scroll.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    gesturesOn(this);
  }

  get size() {
    return this.state.doc.size;
  }

  /** CSS px that one px of the clip takes. */
  get scale() {
    const { width, height } = this.size;
    const room = [this.scroll.clientWidth - 24, this.scroll.clientHeight - 24];
    return Math.max(Math.min(room[0] / width, room[1] / height), 0.05) * this.state.view.zoom;
  }

  /** Where a pointer is on the clip. @returns {{x: number, y: number}} */
  placeOf(event) {
    const box = this.svg.getBoundingClientRect();
    const { clientLeft, clientTop, clientWidth, clientHeight } = this.svg;
    return {
      x: ((event.clientX - box.left - clientLeft) / (clientWidth || box.width)) * this.size.width,
      y: ((event.clientY - box.top - clientTop) / (clientHeight || box.height)) * this.size.height,
    };
  }

  /** Zoom about a place on the screen. */
  zoomBy(factor, about = null) {
    const before = this.state.view.zoom;
    const zoom = Math.min(Math.max(before * factor, 1), MOST_ZOOM);
    const box = this.scroll.getBoundingClientRect();
    const [x, y] = about
      ? [about.clientX - box.left, about.clientY - box.top]
      : [box.width / 2, box.height / 2];
    const [left, top] = [this.scroll.scrollLeft + x, this.scroll.scrollTop + y];
    this.state.look({ zoom });
    this.scroll.scrollLeft = left * (zoom / before) - x;
    this.scroll.scrollTop = top * (zoom / before) - y;
  }

  wheeled(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, event);
  }

  /** The gesture of the tool that is chosen, begun anew when the tool changes. */
  get gesture() {
    if (this.tool?.name !== this.state.view.tool) {
      this.tool?.gesture?.cancel?.();
      const name = this.state.view.tool;
      this.tool = { name, gesture: tools[name].begin?.(this.state, this) ?? null };
    }
    return this.tool.gesture;
  }

  /** Tell where the cursor is, and which frame a path has there. */
  tellPlace(at) {
    const near = frameNear(this.state.doc.layers, at, this.size, 12 / this.scale);
    this.near = near;
    const frame = near ? `, frame ${near.frame + 1} of ${near.name}` : "";
    this.place.textContent = at ? `${Math.floor(at.x)}, ${Math.floor(at.y)}${frame}` : "";
    this.renderNear();
  }

  render() {
    if (!this.scroll.clientWidth) return; // another view is shown
    const { doc, view } = this.state;
    const { width, height } = doc.size;
    const scale = this.scale;
    this.sheet.style.width = `${width * scale}px`;
    this.sheet.style.height = `${height * scale}px`;
    this.sheet.classList.toggle("pixels", scale >= 14);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.dataset.tool = view.tool;
    this.renderPicture();
    const px = 1 / scale;
    const seen = doc.layers.filter((layer) => layer.seen);
    const chosen = this.state.layer;
    const grips = chosen?.seen && view.tool === "choose" ? gripsOf(chosen, view.frame, doc.size) : [];
    show(
      this.svg,
      this.arrows.length ? motionArrows(this.arrows, px) : null,
      seen.map((layer) =>
        layerShape(layer, {
          frame: view.frame,
          size: doc.size,
          px,
          chosen: layer === chosen,
          previewed: this.arrows.length > 0,
        }),
      ),
      this.gesture?.shape?.(px) ?? null,
      this.cursor ? cross(this.cursor.x, this.cursor.y, 11 * px, "cursor") : null,
      grips.map((grip) => gripShape(grip, chosen, px)),
      s("g", { class: "near" }),
    );
    this.renderNear();
    this.hint.textContent = this.gesture?.hint?.() ?? tools[view.tool].hint;
  }

  renderPicture() {
    const source = this.pictureAt(this.state.view.frame);
    this.sheet.classList.toggle("blank", !source);
    if (!source) this.picture.removeAttribute("src");
    else if (this.picture.getAttribute("src") !== source) this.picture.setAttribute("src", source);
  }

  renderNear() {
    const place = this.svg.querySelector("g.near");
    if (!place) return;
    const near = this.near;
    const px = 1 / this.scale;
    if (!near) return place.replaceChildren();
    place.replaceChildren(
      s("circle", { cx: near.x, cy: near.y, r: 4 * px }),
      s("text", { x: near.x + 9 * px, y: near.y - 7 * px, "font-size": 12 * px }, `frame ${near.frame + 1}`),
    );
  }
}
