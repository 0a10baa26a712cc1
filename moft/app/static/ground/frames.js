/** Frames of clips that are shown in step: all are there before one is shown, so nothing flickers. */

/** @type {Map<string, HTMLImageElement>} */
const kept = new Map();
const MOST = 600;

/** Fetch pictures. @param {string[]} sources @returns {Promise<void>} */
export async function fetched(sources) {
  await Promise.all(
    sources.map((source) =>
      picture(source)
        .decode()
        .catch(() => null),
    ),
  ); // one that fails shows itself as missing
}

function picture(source) {
  let found = kept.get(source);
  if (!found) {
    found = new Image();
    found.src = source;
    kept.set(source, found);
    if (kept.size > MOST) kept.delete(kept.keys().next().value);
  }
  return found;
}
