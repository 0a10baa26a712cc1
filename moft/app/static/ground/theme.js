/** Light or dark: as the system has it until the switch says otherwise. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const KEY = "moft.theme";
/** @type {string | null} for this page, where the browser keeps nothing */
let chosen = null;

/** @returns {HTMLButtonElement} */
export function themeSwitch() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => remembered() ?? (system.matches ? "dark" : "light");
  const press = () => {
    remember(wanted() === "dark" ? "light" : "dark");
    wear();
  };
  const made = h("button", { type: "button", class: "icon", on: { click: press } });
  const wear = () => {
    const theme = wanted();
    document.documentElement.dataset.theme = theme;
    made.setAttribute("aria-label", theme === "dark" ? "Light colours" : "Dark colours");
    made.title = made.getAttribute("aria-label");
    made.replaceChildren(icon(theme === "dark" ? "sun" : "moon"));
  };
  system.addEventListener("change", wear);
  wear();
  return made;
}

function remembered() {
  try {
    return chosen ?? localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    chosen = theme;
  }
}
