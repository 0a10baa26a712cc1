/**
 * Controls for fields, made from what moft says of them: help, unit, range, choices.
 *
 * @typedef {{help: string, unit: string | null, least: number | null, most: number | null, choices: string[]
 *   | null,
 *   default: any, required: boolean, type: string}} Field
 */

import { choice, h, labelled } from "../ground/dom.js";

/** Drawn, or chosen elsewhere on the page. */
const DRAWN = new Set(["points", "trajectories"]);

/**
 * Controls for all fields but some. @param {Record<string, Field>} fields @param {Record<string, any>} values
 * @param {(name: string, value: any) => void} change null: as it is by default
 */
export function controlsFor(fields, values, change, without = []) {
  return Object.entries(fields)
    .filter(([name, field]) => !without.includes(name) && !DRAWN.has(field.type))
    .map(([name, field]) => controlFor(name, field, values[name], (value) => change(name, value)));
}

/** One of them. @param {Field} field */
export function controlFor(name, field, value, change) {
  const text = title(name);
  const about = { hint: field.help, unit: field.unit ?? "" };
  const props = { "data-key": `field ${name}` };
  if (field.type === "boolean") return checkbox(text, field, value, change, props);
  if (field.choices) {
    const options = /** @type {Array<[string, string]>} */ ([
      ["", usual(field)],
      ...field.choices.filter((one) => one !== field.default).map((one) => [one, one]),
    ]);
    return labelled(
      text,
      choice(value ?? "", options, (picked) => change(picked || null), props),
      about,
    );
  }
  if (field.type === "number" || field.type === "integer")
    return labelled(text, numberFor(field, value, change, props), about);
  if (field.type === "pair" || field.type === "size") return several(name, text, field, value, change);
  return labelled(text, textFor(field, value, change, props), { ...about, wide: true });
}

/** @param {Field} field */
export function numberFor(field, value, change, props = {}) {
  const read = (event) => {
    const { target } = event;
    if (target.value === "" && !target.validity.badInput) change(null);
    else if (Number.isFinite(target.valueAsNumber)) change(target.valueAsNumber);
  };
  return h("input", {
    type: "number",
    step: field.type === "integer" ? 1 : "any",
    min: field.least,
    max: field.most,
    placeholder: field.default ?? "model's",
    ...props,
    value: value ?? "",
    on: { change: read },
  });
}

function textFor(field, value, change, props) {
  return h("input", {
    type: "text",
    placeholder: field.default ?? "",
    ...props,
    value: value ?? "",
    on: { change: (event) => change(event.target.value || null) },
  });
}

function checkbox(text, field, value, change, props) {
  const id = `f${++labelled.count}`;
  const box = h("input", {
    type: "checkbox",
    id,
    "aria-describedby": `${id}-hint`,
    checked: value ?? field.default ?? false,
    ...props,
    on: { change: (event) => change(event.target.checked) },
  });
  return h(
    "div",
    { class: "field check" },
    box,
    h("label", { for: id }, text),
    h("small", { id: `${id}-hint`, class: "hint" }, field.help),
  );
}

const PARTS = { pair: ["from", "to"], size: ["frames", "width", "height"] };

/** Two or three numbers that are given together or not at all. */
function several(name, text, field, value, change) {
  const parts = PARTS[field.type];
  const now =
    value == null
      ? {}
      : Array.isArray(value)
        ? Object.fromEntries(value.map((one, i) => [parts[i], one]))
        : value;
  const inputs = parts.map((part) =>
    h("input", {
      type: "number",
      step: "any",
      min: field.least ?? (field.type === "size" ? 1 : null),
      max: field.most,
      "aria-label": `${text}, ${part}`,
      placeholder: part,
      "data-key": `field ${name} ${part}`,
      value: now[part] ?? "",
      on: { change: () => read() },
    }),
  );
  const read = () => {
    const numbers = inputs.map((input) => input.valueAsNumber);
    if (inputs.every((input) => input.value === "")) change(null);
    else if (numbers.every(Number.isFinite))
      change(
        field.type === "size" ? Object.fromEntries(parts.map((part, i) => [part, numbers[i]])) : numbers,
      );
  };
  return h(
    "fieldset",
    { class: "field" },
    h("legend", {}, text, field.unit ? h("span", { class: "unit" }, field.unit) : null),
    h("div", { class: "row" }, inputs),
    h("small", { class: "hint" }, field.help),
  );
}

const usual = (field) => (field.default == null ? "as suits" : `${field.default} (usual)`);

/** A field's name for people. */
export function title(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
