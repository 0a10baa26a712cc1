/** What came of a run: in words, with what to try, its files and its recipe. */

import { at } from "../ground/api.js";
import { button, h, show } from "../ground/dom.js";
import { told, trying } from "../ground/notices.js";
import { acts } from "../panels/acts.js";
import { duration } from "../panels/generate.js";

export function outcome(place, run, world) {
  const parts = (run.outcome ?? []).map((one) =>
    h(
      "li",
      { class: `verdict ${{ true: "yes", false: "no" }[String(one.followed)] ?? "open"}` },
      h("strong", {}, one.asked ?? "Point"),
      h("p", {}, one.words),
      one.try ? h("p", { class: "todo" }, "Try: ", one.try) : null,
    ),
  );
  const rows = (run.words ?? []).map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)));
  const change = h("a", { class: "button primary", href: `#draw/${run.key}` }, "Change the drawing");
  show(
    place,
    h(
      "section",
      { class: "panel", "aria-labelledby": "came-out" },
      h("h2", { id: "came-out" }, "What came out"),
      h("ul", { class: "verdicts" }, parts),
      (run.notes ?? []).length
        ? h(
            "ul",
            { class: "notes" },
            run.notes.map((note) => h("li", {}, note)),
          )
        : null,
    ),
    h(
      "section",
      { class: "panel", "aria-label": "Go on" },
      h(
        "div",
        { class: "row wrap" },
        change,
        acts(run, world, ""),
        h("a", { class: "button quiet", href: `#look/${run.media.steered}` }, "Look inside"),
        downloads(run),
      ),
      h("p", { class: "hint" }, cost(run)),
    ),
    h(
      "section",
      { class: "panel", "aria-label": "Record" },
      h("details", {}, h("summary", {}, "The record in words"), h("dl", { class: "record" }, rows)),
      recipe(run),
    ),
  );
}

function cost({ scores = /** @type {any} */ ({}) }) {
  const parts = [];
  if (scores.seconds != null) parts.push(`Made in ${duration(scores.seconds)}`);
  if (scores.guidance_seconds != null) parts.push(`${duration(scores.guidance_seconds)} of it steering`);
  if (scores.peak_memory_mb != null) parts.push(`${Math.round(scores.peak_memory_mb)} MB at most`);
  return parts.join(", ");
}

/** The files of a run, each a link. */
export function downloads(run) {
  const names = Object.entries(run.files ?? {});
  const links = names.map(([part, name]) =>
    h(
      "li",
      {},
      h(
        "a",
        { href: at.file(run.key, name), download: name },
        part === "recipe" ? "Record with its recipe" : `${part.charAt(0).toUpperCase()}${part.slice(1)} clip`,
      ),
    ),
  );
  return h(
    "details",
    { class: "menu" },
    h("summary", { class: "button quiet" }, "Download"),
    h(
      "ul",
      {},
      links,
      run.kind === "steer"
        ? h("li", {}, h("a", { href: at.exported(run.key), download: "" }, "Job for the command line"))
        : null,
    ),
  );
}

/** What the run was made from, to read and to copy. */
function recipe(run) {
  if (!run.recipe) return null;
  const text = JSON.stringify(run.recipe, null, 2);
  const copy = async () => {
    await trying(() => navigator.clipboard.writeText(text));
    told("The recipe is copied.");
  };
  return h(
    "details",
    {},
    h("summary", {}, "The recipe"),
    h("pre", { tabindex: 0 }, text),
    button("Copy", copy, { class: "quiet small" }),
  );
}
