/** Show anew only what changed: what a hand is typing or pressing stays in its place. */

/**
 * Call `render` now, and again when one of the values is another.
 * @param {Array<{heard: (listener: () => void) => void}>} sources what tells of changes
 * @param {() => any[]} values compared by identity
 * @param {() => void} render
 */
export function watch(sources, values, render) {
  const anew = whenChanged(render);
  const look = () => anew(...values());
  for (const source of sources) source.heard(look);
  look();
}

/** A render that does nothing where it is given the values of the last time. @param {() => void} render */
export function whenChanged(render) {
  /** @type {any[] | null} */
  let last = null;
  return (...now) => {
    if (last?.every((value, i) => value === now[i])) return;
    last = now;
    render();
  };
}
