/** Shortcuts: one list, which works them and which the help shows. */

import { button, h } from "./dom.js";

/** Where the arrow keys go, x and y. */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {{keys: string, does: string, run?: () => void}} Shortcut `keys` as "Ctrl+z" or "v" */

/** @param {() => Shortcut[]} shortcuts those of the view that is shown */
export function listenToKeys(shortcuts) {
  addEventListener("keydown", (event) => {
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const pressed = named(event);
    const found = shortcuts().find((one) => one.run && one.keys.split(" or ").includes(pressed));
    if (!found) return;
    event.preventDefault();
    found.run();
  });
}

function named(event) {
  const held = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shifted = event.shiftKey && (held || event.key.length > 1) ? "Shift+" : "";
  return held + shifted + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

function typing(target) {
  const kinds = ["text", "search", "number", "file"];
  return (
    target.isContentEditable ||
    /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
    (target.tagName === "INPUT" && kinds.includes(target.type))
  );
}

/** @param {Shortcut[]} shortcuts */
export function showHelp(shortcuts) {
  const rows = shortcuts.map(({ keys, does }) =>
    h(
      "div",
      {},
      h(
        "dt",
        {},
        keys.split(" or ").flatMap((one, i) => [i ? " or " : null, h("kbd", {}, one)]),
      ),
      h("dd", {}, does),
    ),
  );
  const dialog = h(
    "dialog",
    { "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keyboard"),
    h("dl", { class: "shortcuts" }, rows),
  );
  dialog.append(button("Close", () => dialog.close(), { class: "primary" }));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
