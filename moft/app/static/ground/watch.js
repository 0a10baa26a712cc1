/** Show anew only what changed: what a hand is typing or pressing stays in its place. */

/**
 * Call `render` now, and again when one of the values is another.
 * @param {Array<{heard: (listener: () => void) => void}>} sources what tells of changes
 * @param {() => any[]} values compared by identity
 * @param {() => void} render
 */
export function watch(sources, values, render) {
  let last = null;
  const look = () => {
    const now = values();
    if (last?.every((value, i) => value === now[i])) return;
    last = now;
    render();
  };
  for (const source of sources) source.heard(look);
  look();
}
