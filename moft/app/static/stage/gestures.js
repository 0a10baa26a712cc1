/** Pointer and keyboard on the picture, as one: press, move, release, give up. */

import { gripsOf } from "../draw/grips.js";
import { ARROWS } from "../ground/keys.js";

/** @param {import("./stage.js").Stage} stage */
export function gesturesOn(stage) {
  const { svg, state } = stage;
  let held = null; // a grip in the hand
  let down = false;

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const at = stage.placeOf(event);
    stage.cursor = null;
    down = true;
    svg.setPointerCapture(event.pointerId);
    const grip = gripUnder(stage, event) ?? (state.view.tool === "choose" && chosenBy(stage, event));
    if (grip) held = { grip, from: at };
    else stage.gesture?.press(at);
    if (held)
      stage.svg.querySelector(`[data-grip="${CSS.escape(held.grip.key)}"]`)?.focus({ preventScroll: true });
    else svg.focus({ preventScroll: true });
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    const at = stage.placeOf(event);
    stage.tellPlace(at);
    if (held) drag(stage, held, at);
    else if (down || stage.gesture?.hovers)
      for (const one of coalesced(event)) stage.gesture?.move(stage.placeOf(one), down);
  });
  svg.addEventListener("pointerup", (event) => {
    const at = stage.placeOf(event);
    if (held) drop(stage, held, at);
    else if (down) stage.gesture?.release(at);
    [held, down] = [null, false];
  });
  svg.addEventListener("pointercancel", () => {
    [held, down] = [null, false];
    stage.gesture?.cancel?.();
    state.draw(null);
  });
  svg.addEventListener("pointerleave", () => !down && stage.tellPlace(null));
  svg.addEventListener("blur", () => hideCursor(stage));
  svg.addEventListener("keydown", (event) => keyed(stage, event));
}

function coalesced(event) {
  const all = event.getCoalescedEvents?.() ?? [];
  return all.length ? all : [event];
}

function gripUnder(stage, event) {
  const key = event.target.closest?.("[data-grip]")?.dataset.grip;
  const { layer, view, doc } = stage.state;
  return key && layer ? gripsOf(layer, view.frame, doc.size).find((grip) => grip.key === key) : null;
}

/**
 * A layer that is pressed on is chosen; what can be taken hold of there, its region or the whole of its
 * arrow.
 */
function chosenBy(stage, event) {
  const id = event.target.closest?.("[data-layer]")?.dataset.layer;
  if (!id) return null;
  stage.state.look({ chosen: id });
  const { layer, view, doc } = stage.state;
  const key = event.target.closest(".region") ? "region" : "from";
  return gripsOf(layer, view.frame, doc.size).find((grip) => grip.key === key) ?? null;
}

/** A grip follows the hand by as much as the hand went, so it does not jump. */
function dragged({ grip, from }, at) {
  return grip.moved({ x: grip.at.x + at.x - from.x, y: grip.at.y + at.y - from.y });
}

function drag(stage, held, at) {
  held.moved ||= Math.hypot(at.x - held.from.x, at.y - held.from.y) * stage.scale > 2;
  if (held.moved) stage.state.drawLayer(dragged(held, at));
}

function drop(stage, held, at) {
  if (held.moved) stage.state.commitLayer(dragged(held, at), `move ${held.grip.label}`);
}

function keyed(stage, event) {
  const move = ARROWS[event.key];
  const step = event.shiftKey ? 8 : 1;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target !== stage.svg) return onGrip(stage, event, move, step);
  if (move) moveCursor(stage, move, step);
  else if (event.key === "Enter" || event.key === " ") press(stage, event.shiftKey);
  else if (event.key === "Escape") giveUp(stage);
  else if (event.key === "Backspace" && stage.gesture?.back) stage.gesture.back();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function onGrip(stage, event, move, step) {
  const { state } = stage;
  const grip = gripUnder(stage, event);
  if (!grip) return;
  if (move) {
    const to = { x: grip.at.x + move[0] * step, y: grip.at.y + move[1] * step };
    state.commitLayer(grip.moved(to), `move ${grip.label}`, `keys ${grip.key}`);
    // it became a key
    const now = grip.shape === "now" ? grip.key.replace(/now$/, state.view.frame) : grip.key;
    stage.svg.querySelector(`[data-grip="${CSS.escape(now)}"]`)?.focus();
  } else if ((event.key === "Delete" || event.key === "Backspace") && grip.without) {
    state.commitLayer(grip.without(), `remove ${grip.label}`);
    stage.svg.focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function moveCursor(stage, [dx, dy], step) {
  const { width, height } = stage.size;
  const { x, y } = stage.cursor ?? { x: Math.floor(width / 2), y: Math.floor(height / 2) };
  stage.cursor = {
    x: Math.min(Math.max(x + dx * step, 0), width),
    y: Math.min(Math.max(y + dy * step, 0), height),
  };
  stage.tellPlace(stage.cursor);
  if (stage.pressed || stage.gesture?.hovers) stage.gesture?.move(stage.cursor, stage.pressed);
  stage.render();
}

/**
 * Enter presses, and releases when pressed again; tools that take places one by one are pressed and released.
 */
function press(stage, finish) {
  const { gesture } = stage;
  if (finish && gesture?.finish) return gesture.finish();
  if (!stage.cursor) return moveCursor(stage, [0, 0], 0);
  if (!gesture) return;
  if (gesture.places || stage.pressed) {
    if (!stage.pressed) gesture.press(stage.cursor);
    gesture.release(stage.cursor);
    stage.pressed = false;
  } else {
    gesture.press(stage.cursor);
    stage.pressed = true;
  }
  stage.render();
}

function giveUp(stage) {
  stage.pressed = false;
  if (stage.gesture?.cancel?.()) stage.state.draw(null);
  else stage.state.look({ tool: "choose" });
}

function hideCursor(stage) {
  if (stage.pressed) return;
  stage.cursor = null;
  stage.render();
}
