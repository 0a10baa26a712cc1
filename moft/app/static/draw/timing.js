/**
 * Keys in time: where something is at some frames, and so at every frame.
 *
 * @typedef {{frame: number, x: number, y: number, ease?: string}} Key `ease`: of the way that leads here
 * @typedef {{x: number, y: number}} Place px of the clip, from its upper left corner
 */

/** Share of the way done by a share of the time; as moft.request.motion.EASES. */
export const EASES = {
  in: (t) => t * t,
  out: (t) => t * (2 - t),
  "in-out": (t) => t * t * (3 - 2 * t),
};

/** Keys by their frames, one a frame. @param {Key[]} keys @returns {Key[]} */
export function ordered(keys) {
  const by = new Map(keys.map((key) => [key.frame, key]));
  return [...by.values()].sort((a, b) => a.frame - b.frame);
}

/** Where it is at a frame, still before its first key and behind its last. @returns {Place} */
export function placeAt(keys, frame) {
  const next = keys.findIndex((key) => key.frame >= frame);
  if (next <= 0) {
    const { x, y } = keys[next === 0 ? 0 : keys.length - 1];
    return { x, y };
  }
  const [a, b] = [keys[next - 1], keys[next]];
  const share = (EASES[b.ease] ?? ((t) => t))((frame - a.frame) / (b.frame - a.frame));
  return { x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y) };
}

/** Its places frame by frame, both ends among them. @returns {Place[]} */
export function placesBetween(keys, first, last) {
  return Array.from({ length: last - first + 1 }, (_, i) => placeAt(keys, first + i));
}

/** Whether straight lines through the keys, at even moments, are the whole way. */
export function even(keys) {
  const gap = keys.length > 1 ? keys[1].frame - keys[0].frame : 0;
  return keys.every((key, i) => (i === 0 || key.frame - keys[i - 1].frame === gap) && !(i && key.ease));
}

/** With one key more, or another in its place; the ease of the way there stays. */
export function withKey(keys, frame, { x, y }) {
  const old = keys.find((key) => key.frame === frame);
  return ordered([...keys.filter((key) => key !== old), { ...old, frame, x, y }]);
}

/** The same keys over a clip of another length. */
export function stretchedKeys(keys, from, to) {
  const scale = (to - 1) / Math.max(from - 1, 1);
  return ordered(keys.map((key) => ({ ...key, frame: Math.round(key.frame * scale) })));
}

/**
 * Share of a way done at a frame, of a motion that lasts a part of the clip; as moft.Motion's span and ease.
 */
export function shareDone(frame, frames, span = null, ease = "") {
  const [start, end] = span ?? [0, 1];
  const share = Math.min(Math.max((frame / Math.max(frames - 1, 1) - start) / (end - start), 0), 1);
  return (EASES[ease] ?? ((t) => t))(share);
}
