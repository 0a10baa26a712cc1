/** Small drawings on a field of 16 by 16, in the colour of the text around them. */

import { s } from "./dom.js";

const PATHS = {
  choose: "M3 2l9.5 5.2-4.2 1.2 2.6 4.6-1.7 1-2.7-4.7L3 12z",
  arrow: "M2.5 13.5L12 4M6.5 3.5h6v6",
  path: "M2.5 13c0-6 4-2 5.5-5s2-4.5 5.5-5M13.5 3m-1.3 0a1.3 1.3 0 1 0 2.6 0a1.3 1.3 0 1 0-2.6 0M2.5 13m-1.3 0a1.3 1.3 0 1 0 2.6 0a1.3 1.3 0 1 0-2.6 0",
  box: "M2.5 3.5h11v9h-11z",
  polygon: "M8 2l6 4.5L11.5 13h-7L2 6.5z",
  brush:
    "M13.5 2.5L7 9M7 9c-2-.5-3.5.5-3.8 2.2C3 12.5 2.5 13 1.8 13.400c2.7.9 5.7-.2 5.7-2.6 0-.8-.2-1.4-.5-1.800z",
  points: "M4 12m-1.8 0a1.8 1.8 0 1 0 3.6 0a1.8 1.8 0 1 0-3.6 0M5.5 10.500l6-6M8 3.500h4.500V8",
  camera: "M1.5 4.500h8.500v7H1.500zM10 7l4.5-2.500v7L10 9",
  still: "M8 8m-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0M5.5 8h5",
  like: "M2 3.500h12v9H2zM5 3.500v9M11 3.500v9",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 8m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  closed: "M1.5 6.500S4 10.5 8 10.500s6.5-4 6.5-4M4 9.500l-1 2M8 10.500V13M12 9.500l1 2",
  remove: "M3.5 3.500l9 9M12.5 3.500l-9 9",
  copy: "M5.5 5.500h8v8h-8zM10.5 5.500v-3h-8v8h3",
  undo: "M3 6h6.500a3.5 3.5 0 0 1 0 7H6M6 3L3 6l3 3",
  redo: "M13 6H6.500a3.5 3.5 0 0 0 0 7H10M10 3l3 3-3 3",
  play: "M4.5 3l8 5-8 5z",
  pause: "M5 3v10M11 3v10",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  sun: "M8 8m-2.8 0a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0M8 1v1.600M8 13.400V15M1 8h1.600M13.4 8H15M3 3l1.2 1.200M11.8 11.800L13 13M13 3l-1.2 1.200M4.2 11.800L3 13",
  moon: "M13.5 9.500A6 6 0 0 1 6.5 2.500a6 6 0 1 0 7 7z",
  help: "M6 6a2 2 0 1 1 3 1.700c-.7.4-1 .8-1 1.600M8 11.700v.3M8 8m-6.5 0a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0",
};
const FILLED = new Set(["choose", "play"]);

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const props = {
    viewBox: "0 0 16 16",
    class: FILLED.has(name) ? "drawn filled" : "drawn",
    "aria-hidden": "true",
    focusable: "false",
  };
  return s("svg", props, s("path", { d: PATHS[name] }));
}
