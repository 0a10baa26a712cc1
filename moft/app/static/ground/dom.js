/** Elements out of plain values. What is shown goes in as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on` holds listeners, `style` properties; null and false
 *   leave out
 * @param {...any} children nodes, texts, or lists of them; null and false leave out
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. @returns {any} */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) put(element, name, value);
  element.append(...children.flat(3).filter((child) => child != null && child !== false));
  // its options are there now
  if (props?.value != null && element.tagName === "SELECT") element.value = props.value;
  return element;
}

function put(element, name, value) {
  if (value == null || value === false) return;
  if (name === "on")
    for (const [kind, listener] of Object.entries(value)) element.addEventListener(kind, listener);
  else if (name === "style")
    for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
  else if (name === "value" && "value" in element) element.value = value;
  else if (name === "checked") element.checked = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Put new content in a place and leave the keyboard, and what was folded open, as it was: elements are known
 * again by `data-key`.
 * @param {Element} place
 * @param {...any} children
 */
export function show(place, ...children) {
  const active = /** @type {any} */ (document.activeElement);
  const key = place.contains(active) ? active.dataset?.key : null;
  const range = key && active.type === "text" ? [active.selectionStart, active.selectionEnd] : null;
  const unfolded = [...place.querySelectorAll("details[open] > summary[data-key]")].map(keyOf);
  place.replaceChildren(...children.flat(3).filter((child) => child != null && child !== false));
  for (const summary of unfolded.length ? place.querySelectorAll("details > summary[data-key]") : []) {
    if (unfolded.includes(keyOf(summary))) summary.parentElement.setAttribute("open", "");
  }
  if (!key) return;
  const again = /** @type {any} */ (place.querySelector(`[data-key="${CSS.escape(key)}"]`));
  again?.focus({ preventScroll: true });
  if (range && again?.setSelectionRange) again.setSelectionRange(range[0], range[1]);
}

const keyOf = (element) => /** @type {HTMLElement} */ (element).dataset.key;

/** A button with a text; `key` lets the focus come back to it. @returns {HTMLButtonElement} */
export function button(text, press, props = {}) {
  return h("button", { type: "button", ...props, on: { click: press } }, text);
}

/** A labelled field: the label's text stands in front of its control. @returns {HTMLElement} */
export function labelled(text, control, { hint = "", unit = "", wide = false } = {}) {
  const id = (control.id ||= `f${++labelled.count}`);
  const note = hint ? h("small", { id: `${id}-hint`, class: "hint" }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h(
    "div",
    { class: wide ? "field wide" : "field" },
    h("label", { for: id }, text, unit ? h("span", { class: "unit" }, unit) : null),
    control,
    note,
  );
}
labelled.count = 0;

/** One choice of several, as a select. @param {Array<[string, string]>} options [value, text] */
export function choice(value, options, change, props = {}) {
  const made = options.map(([name, text]) => h("option", { value: name }, text));
  return h("select", { ...props, value, on: { change: (event) => change(event.target.value) } }, made);
}

/**
 * Options out of what has an id and a name; what is chosen stays among them when it is gone.
 * @param {string} none what stands for nothing chosen
 * @returns {Array<[string, string]>}
 */
export function optionsOf(none, known, chosen = "", name = chosen) {
  /** @type {Array<[string, string]>} */
  const found = [["", none], ...known.map((one) => [one.id, one.name])];
  return chosen && !known.some(({ id }) => id === chosen) ? [...found, [chosen, name]] : found;
}

/** A file to choose. @param {(files: File[]) => void} take what was chosen, which may be chosen again */
export function fileInput(take, props) {
  const chosen = (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    if (files.length) take(files);
  };
  return h("input", { type: "file", class: "file", ...props, on: { change: chosen } });
}

/** A number to type. @param {(value: number) => void} change is given finite numbers alone */
export function numeric(value, change, props = {}) {
  const read = (event) => {
    const number = event.target.valueAsNumber;
    if (Number.isFinite(number)) change(number);
  };
  return h("input", { type: "number", step: "any", ...props, value, on: { change: read } });
}
