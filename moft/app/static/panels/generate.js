/** From the drawing to a run: what is missing, what it will cost, preview and start. */

import { jobOf, problemsOf, sceneOf } from "../draw/requests.js";
import { api } from "../ground/api.js";
import { button, h, show } from "../ground/dom.js";
import { told, trying } from "../ground/notices.js";
import { watch } from "../ground/watch.js";

const WAIT = 500; // ms until an estimate is asked

/**
 * @param {import("../ground/state.js").State} state @param {import("../ground/world.js").World} world
 * @param {import("./preview.js").Preview} preview
 */
export function generatePanel(state, world, preview) {
  const problems = h("ul", { class: "problems", "aria-live": "polite" });
  const cost = h("p", { class: "estimate", "aria-live": "polite" });
  const go = button("Generate", () => generate(state, world), {
    class: "primary large",
    "data-key": "generate",
  });
  const look = button("Preview", () => preview.toggle(), {
    class: "large",
    "data-key": "preview",
    "aria-pressed": "false",
  });
  const save = button("Save the job", () => saveJob(state, world), { class: "quiet small" });
  const notes = h("ul", { class: "notes" });
  const element = h(
    "section",
    { class: "panel generate", "aria-label": "Generate" },
    problems,
    notes,
    h("div", { class: "row" }, look, go),
    h("div", { class: "row between" }, cost, save),
  );
  const render = () => {
    const found = problemsOf(state.doc.layers);
    show(
      problems,
      found.map(({ what, todo, wrong }) =>
        h("li", { class: wrong ? "wrong" : "" }, what, " ", h("span", { class: "todo" }, todo)),
      ),
    );
    show(notes, preview.on && preview.found ? preview.found.notes.map((note) => h("li", {}, note)) : null);
    go.disabled = save.disabled = found.length > 0;
    look.setAttribute("aria-pressed", String(preview.on));
  };
  watch([state, preview], () => [state.doc.layers, preview.on, preview.found], render);
  watch([state, world], () => [state.doc, state.sketch, world.listing], estimator(state, world, cost));
  return element;
}

/** Ask for an estimate when the drawing rests, and again when a run comes or ends. */
function estimator(state, world, cost) {
  let timer = null;
  return () => {
    const { doc, sketch } = state;
    clearTimeout(timer);
    timer = null;
    if (sketch) return;
    if (problemsOf(doc.layers).length) return cost.replaceChildren();
    const mine = setTimeout(async () => {
      try {
        const found = await api.estimate(await jobOf(doc, world.files));
        if (mine === timer) show(cost, h("span", { title: found.basis }, costInWords(found)));
      } catch (error) {
        // where a notice would come with every stroke
        if (mine === timer) show(cost, h("span", { class: "wrong" }, error.message, " ", error.todo ?? ""));
      }
    }, WAIT);
    timer = mine;
  };
}

function costInWords({ seconds, memory_mb: memory, waiting, waiting_seconds: before }) {
  const parts = [seconds == null ? "Time is known after a first run" : `About ${duration(seconds)}`];
  if (memory != null)
    parts.push(memory > 2000 ? `${(memory / 1024).toFixed(1)} GB` : `${Math.round(memory)} MB`);
  if (waiting) parts.push(`${waiting} waiting before it${before ? `, ${duration(before)}` : ""}`);
  return parts.join(" · ");
}

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Put the drawing in the queue. */
export async function generate(state, world) {
  const { doc } = state;
  const [problem] = problemsOf(doc.layers);
  if (problem) return told(`${problem.what} ${problem.todo}`);
  const run = await trying(async () =>
    api.start(await jobOf(doc, world.files), "steer", { layers: doc.layers, size: doc.size, clip: doc.clip }),
  );
  if (run) world.took(run);
  world.tell();
}

/** A plain clip of the scene, to draw on. */
export async function makePlain(state, world) {
  const run = await trying(() => api.start({ ...sceneOf(state.doc), requests: [] }, "plain"));
  if (!run) return;
  world.drawOn = run.key;
  world.took(run);
  world.tell();
}

async function saveJob(state, world) {
  const blob = await trying(async () => api.exported(await jobOf(state.doc, world.files)));
  if (!blob) return;
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: blob.type.includes("zip") ? "job.zip" : "job.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
