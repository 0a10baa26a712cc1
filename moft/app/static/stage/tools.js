/**
 * What a hand can do on the picture. A tool adds what the chosen layer lacks, else it begins a new layer;
 * when it is done the hand is free again to move what it drew.
 */

import { newLayer } from "../draw/layers.js";
import { boxBetween, meant, rounded } from "../draw/regions.js";
import { s } from "../ground/dom.js";
import { simplified, spread } from "./strokes.js";

const SLIP = 3; // CSS px: a press that goes no further is a click
const NEAR = 7; // CSS px: a click that is one on a place

export const tools = {
  choose: {
    short: "Choose",
    label: "Choose and move",
    shortcut: "v",
    hint: "Drag what is drawn. Pick a tool to draw: an arrow says where it goes, a box says what.",
  },
  arrow: {
    short: "Arrow",
    label: "Direction arrow",
    shortcut: "a",
    hint: "Drag from what should move to where it should be in the last frame.",
    begin: arrow,
  },
  path: {
    short: "Path",
    label: "Path",
    shortcut: "p",
    hint: "Draw a way with one stroke, or click places and press Enter.",
    begin: path,
  },
  box: {
    short: "Box",
    label: "Box region",
    shortcut: "b",
    hint: "Drag a box around what should move.",
    begin: box,
  },
  polygon: {
    short: "Polygon",
    label: "Polygon region",
    shortcut: "g",
    hint: "Click the corners; a double click or Shift Enter closes it.",
    begin: polygon,
  },
  brush: {
    short: "Brush",
    label: "Brush region",
    shortcut: "r",
    hint: "Paint what should move. [ and ] change the width, X rubs out.",
    begin: brush,
  },
  points: {
    short: "Points",
    label: "Drag points",
    shortcut: "d",
    hint: "Drag a point to where it should come; click one that must stay.",
    begin: points,
  },
};

const bare = (layer) => layer?.seen && layer.motion.kind === "none";
const open = (layer) => layer?.seen && layer.region.kind === "everywhere" && layer.motion.kind !== "points";
const place = ({ x, y }) => ({ x: rounded(x), y: rounded(y) });

function withMotion(state, motion) {
  const { layers } = state.history.now;
  return bare(state.kept) ? { ...state.kept, motion } : newLayer(layers, motion);
}

function withRegion(state, region) {
  const { layers } = state.history.now;
  return open(state.kept) ? { ...state.kept, region } : newLayer(layers, undefined, region);
}

/** Keep a layer and free the hand. */
function done(state, layer, label, tool = "choose") {
  state.view.chosen = layer.id;
  state.view.tool = tool;
  state.commitLayer(layer, label);
}

/** A tool that draws between where the hand presses and where it lets go. */
function between(state, stage, made, label) {
  let from = null;
  const far = (at) => Math.hypot(at.x - from.x, at.y - from.y) * stage.scale > SLIP;
  return {
    press: (at) => (from = at),
    move: (at) => from && far(at) && state.drawLayer(made(from, at)),
    release(at) {
      const start = from;
      const enough = start && far(at);
      from = null;
      const layer = enough && made(start, at);
      if (layer && meant(layer.region)) done(state, layer, label);
      else state.draw(null);
    },
    cancel: () => [from, (from = null)][0] !== null,
  };
}

function arrow(state, stage) {
  const made = (from, to) => withMotion(state, { kind: "arrow", from: place(from), to: place(to) });
  return between(state, stage, made, "draw an arrow");
}

function box(state, stage) {
  return between(state, stage, (a, b) => withRegion(state, boxBetween(a, b, stage.size)), "draw a box");
}

function polygon(state, stage) {
  let corners = [];
  let hover = null;
  const tool = {
    places: true,
    hovers: true,
    hint: () =>
      corners.length
        ? `${corners.length} corners. A double click or Shift Enter closes it, Backspace takes one back.`
        : null,
    press(at) {
      const on = (corner) => corner && Math.hypot(at.x - corner.x, at.y - corner.y) * stage.scale < NEAR;
      // so a double click ends it
      if (corners.length >= 3 && (on(corners[0]) || on(corners.at(-1)))) return tool.finish();
      if (!on(corners.at(-1))) corners.push(place(inside(at, stage.size)));
      stage.render();
    },
    move(at) {
      hover = at;
      if (corners.length) stage.render();
    },
    release() {},
    back() {
      corners.pop();
      stage.render();
    },
    finish() {
      const points = corners;
      corners = [];
      if (points.length >= 3) done(state, withRegion(state, { kind: "polygon", points }), "draw a polygon");
      else stage.render();
    },
    cancel: () => [corners.length > 0, (corners = [])][0],
    shape: (px) => unfinished([...corners, ...(hover ? [hover] : [])], px, corners.length),
  };
  return tool;
}

function brush(state, stage) {
  let points = null;
  const made = () => {
    const stroke = {
      points: points.map((at) => place(at)),
      width: state.view.brush,
      erase: state.view.erase,
    };
    const layer = state.kept;
    const more = layer?.seen && layer.region.kind === "brush";
    return more
      ? { ...layer, region: { ...layer.region, strokes: [...layer.region.strokes, stroke] } }
      : withRegion(state, { kind: "brush", strokes: [stroke] });
  };
  return {
    press(at) {
      points = [at];
      if (!(state.view.erase && state.kept?.region.kind !== "brush")) state.drawLayer(made());
    },
    move(at) {
      if (!points) return;
      const last = points[points.length - 1];
      if (Math.hypot(at.x - last.x, at.y - last.y) * stage.scale < 2) return;
      points.push(at);
      state.drawLayer(made());
    },
    release(at) {
      if (!points) return;
      points.push(at);
      points = simplified(points, 0.4 / stage.scale);
      const layer = made();
      points = null;
      if (meant(layer.region)) done(state, layer, state.view.erase ? "rub out" : "paint", "brush");
      else state.draw(null);
    },
    cancel: () => [points, (points = null)][0] !== null,
  };
}

/** One stroke, or places one by one; spread over the frames from the one that is shown. */
function path(state, stage) {
  let places = [];
  let stroke = null;
  const first = () => (state.view.frame < stage.size.frames - 1 ? state.view.frame : 0);
  const keep = (points, keys) => {
    places = [];
    const most = stage.size.frames - first();
    const cut = points.length > most ? [...points.slice(0, most - 1), points.at(-1)] : points;
    done(
      state,
      withMotion(state, { kind: "path", keys: spread(cut.map(place), first(), stage.size.frames - 1, keys) }),
      "draw a path",
    );
  };
  const tool = {
    places: true,
    hint: () =>
      places.length
        ? `${places.length} places. Click more; a double click or Shift Enter ends the path.`
        : null,
    press: (at) => (stroke = [at]),
    move(at, down) {
      if (!down || !stroke) return;
      stroke.push(at);
      stage.render();
    },
    release(at) {
      if (!stroke) return;
      const drawn = [...stroke, at];
      stroke = null;
      const length = drawn.reduce(
        (sum, one, i) => (i ? sum + Math.hypot(one.x - drawn[i - 1].x, one.y - drawn[i - 1].y) : 0),
        0,
      );
      if (length * stage.scale > 4 * SLIP) return keep(simplified(drawn, 2.5 / stage.scale), "length");
      const last = places.at(-1);
      if (last && Math.hypot(at.x - last.x, at.y - last.y) * stage.scale < NEAR) return tool.finish();
      places.push(at);
      stage.render();
    },
    back() {
      places.pop();
      stage.render();
    },
    finish() {
      if (places.length > 1) keep(places, "even");
      places = [];
      stage.render();
    },
    cancel: () => [places.length > 0 || stroke, ([places, stroke] = [[], null])][0],
    shape: (px) => unfinished(stroke ?? places, px, places.length),
  };
  return tool;
}

function points(state, stage) {
  let from = null;
  const made = (to, far) => {
    const last = stage.size.frames - 1;
    const keys = far
      ? [
          { frame: 0, ...place(from) },
          { frame: last, ...place(to) },
        ]
      : [{ frame: 0, ...place(from) }];
    const { layers } = state.history.now;
    const with_ =
      state.kept?.motion.kind === "points"
        ? state.kept
        : layers.find(({ motion }) => motion.kind === "points");
    if (with_) return { ...with_, motion: { ...with_.motion, points: [...with_.motion.points, { keys }] } };
    return withMotion(state, { kind: "points", points: [{ keys }], radius: null });
  };
  const far = (at) => Math.hypot(at.x - from.x, at.y - from.y) * stage.scale > 2 * SLIP;
  return {
    press: (at) => (from = at),
    move: (at) => from && state.drawLayer(made(at, far(at))),
    release(at) {
      if (!from) return;
      const layer = made(at, far(at));
      from = null;
      done(state, layer, "set a point", "points");
    },
    cancel: () => [from, (from = null)][0] !== null,
  };
}

const inside = ({ x, y }, { width, height }) => ({
  x: Math.min(Math.max(x, 0), width),
  y: Math.min(Math.max(y, 0), height),
});

function unfinished(points, px, count) {
  if (!points.length) return null;
  const line = points.map(({ x, y }) => `${x},${y}`).join(" ");
  const dots = points.slice(0, count).map(({ x, y }) => s("circle", { cx: x, cy: y, r: 4 * px }));
  return s(
    "g",
    { class: "unfinished" },
    s("polyline", { points: line, class: "under" }),
    s("polyline", { points: line }),
    dots,
  );
}
