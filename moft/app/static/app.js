/** The page: four views, one drawing, one server. */

import { listenToKeys, showHelp } from "./ground/keys.js";
import { h } from "./ground/dom.js";
import { failed, notices, told } from "./ground/notices.js";
import { iconButton } from "./panels/layers.js";
import { State } from "./ground/state.js";
import { themeSwitch } from "./ground/theme.js";
import { World } from "./ground/world.js";
import { compareView } from "./views/compare.js";
import { drawView } from "./views/draw.js";
import { dropsOn } from "./views/drop.js";
import { historyView } from "./views/history.js";
import { lookView } from "./views/look.js";

const NAMES = { draw: "Draw", compare: "Compare", look: "Look inside", history: "History" };

const state = new State();
const world = new World();
const views = {
  draw: drawView(state, world),
  compare: compareView(world),
  look: lookView(world),
  history: historyView(world),
};

const links = Object.entries(NAMES).map(([name, text]) =>
  h("a", { href: `#${name}`, "data-view": name }, text),
);
const about = h("span", { class: "model", role: "status" });
const main = h(
  "main",
  { id: "main", tabindex: -1 },
  Object.values(views).map(({ element }) => element),
);
const help = () => showHelp(shortcuts());

document.body.append(
  h("a", { class: "skip", href: "#main", on: { click: (event) => skip(event) } }, "To the content"),
  h(
    "header",
    {},
    h("h1", {}, "moft"),
    h("nav", { "aria-label": "Views" }, links),
    about,
    h("div", { class: "head-end" }, iconButton("help", "Keyboard (?)", help), themeSwitch()),
  ),
  main,
  notices,
);

function skip(event) {
  event.preventDefault();
  main.focus();
}

function route() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const now = name in views ? name : "draw";
  for (const [one, view] of Object.entries(views)) {
    view.element.hidden = one !== now;
    if (one !== now) view.player?.pause();
  }
  for (const link of links) {
    if (link.dataset.view === now) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${NAMES[now]} · moft`;
  document.body.dataset.view = now;
  views[now].shown(decodeURIComponent(rest.join("/")));
}

function shortcuts() {
  const now = document.body.dataset.view;
  const everywhere = [
    { keys: "?", does: "This list", run: help },
    ...Object.keys(NAMES).map((name, i) => ({
      keys: String(i + 1),
      does: NAMES[name],
      run: () => (location.hash = name),
    })),
  ];
  return [...(views[now].shortcuts?.() ?? []), ...everywhere];
}

function aboutModel() {
  const { model, connected } = world;
  const text = !connected
    ? "moft app does not answer"
    : !model
      ? "…"
      : { loading: "loading the model …", failed: `the model failed: ${model.error}`, ready: model.name }[
          model.status
        ];
  if (about.textContent !== text) about.textContent = text;
  about.classList.toggle("wrong", !connected || model?.status === "failed");
  const { doc } = state;
  if (model?.size && !state.sized && !doc.layers.length && !doc.clip) {
    state.history.now = { ...doc, size: model.size };
    state.tell();
  }
  state.sized ||= Boolean(model?.size);
}

world.heard(aboutModel);
world.onNote = (text) => told(text);
world.onEnd = (run) => {
  if (run.state === "done" && run.key === world.drawOn) world.onPlain(run);
  else if (run.state === "done" && run.kind === "steer" && !location.hash.endsWith(run.key))
    told(`Made: ${run.title || "no prompt"}.`, h("a", { href: `#compare/${run.key}` }, "Compare"));
  else if (run.state === "failed")
    failed({ message: run.error?.error ?? "A run failed.", todo: run.error?.do ?? "Try it again." });
};
addEventListener("hashchange", route);
addEventListener("unsaved", (event) =>
  failed({
    message: `The browser does not keep the drawing: ${/** @type {any} */ (event).detail}`,
    todo: "Save the job as a file before you close the page.",
  }),
);
listenToKeys(shortcuts);
dropsOn(document.body, state, world);
route();
world.begin().catch(failed);
