/**
 * The drawing outlives the tab: one draft a tab in the browser's own store. A new tab begins with the newest.
 */

const PREFIX = "moft.draft.";
const KEPT = 6;
let told = false;

/** @returns {any} the document that was left, or null */
export function load() {
  try {
    const mine = localStorage.getItem(PREFIX + tab());
    const newest = names()[0];
    const text = mine ?? (newest ? localStorage.getItem(newest) : null);
    const found = text ? JSON.parse(text).doc : null;
    return sound(found) ? found : null;
  } catch {
    return null; // no store, or not ours: begin anew
  }
}

/** @param {any} doc */
export function save(doc) {
  try {
    localStorage.setItem(PREFIX + tab(), JSON.stringify({ saved: Date.now(), doc }));
    for (const old of names().slice(KEPT)) localStorage.removeItem(old);
    told = false;
  } catch (error) {
    if (!told) dispatchEvent(new CustomEvent("unsaved", { detail: String(error) }));
    told = true;
  }
}

function tab() {
  const known = sessionStorage.getItem("moft.tab");
  if (known) return known;
  const made = String(Date.now());
  sessionStorage.setItem("moft.tab", made);
  return made;
}

function names() {
  const all = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  const when = (name) => {
    try {
      return JSON.parse(localStorage.getItem(name)).saved ?? 0;
    } catch {
      return 0;
    }
  };
  return all.sort((a, b) => when(b) - when(a));
}

function sound(doc) {
  const whole = (value) => Number.isInteger(value) && value > 0;
  return (
    Array.isArray(doc?.layers) &&
    doc.layers.every((layer) => typeof layer?.id === "string" && layer.motion?.kind && layer.region?.kind) &&
    whole(doc.size?.frames) &&
    whole(doc.size?.width) &&
    whole(doc.size?.height) &&
    typeof doc.scene === "object" &&
    doc.scene !== null &&
    typeof doc.settings === "object"
  );
}
