/** Every run, newest first, with what it was made from. A clip that carries a recipe comes back as a job. */

import { api } from "../ground/api.js";
import { button, fileInput, h, show } from "../ground/dom.js";
import { trying } from "../ground/notices.js";
import { acts, removal } from "../panels/acts.js";
import { errorOf, picture, stateInWords, tellProgress } from "../panels/queue.js";
import { downloads } from "./outcome.js";
import { watch } from "../ground/watch.js";

/** @param {import("../ground/world.js").World} world */
export function historyView(world) {
  const list = h("ul", { class: "runs" });
  const opened = new Map(); // what was asked of single runs
  const older = button("Older runs", () => world.older(), { class: "older" });
  const take = ([detail]) => dispatchEvent(new CustomEvent("take-file", { detail }));
  const file = fileInput(take, {
    id: "take-file",
    class: "unseen",
    accept: "video/*,image/gif,image/webp,.json,.mkv",
  });
  const element = h(
    "div",
    { class: "view history-view" },
    h(
      "div",
      { class: "canvas-bar" },
      h("h2", {}, "All runs"),
      file,
      h("label", { for: "take-file", class: "button" }, "Open a clip with a recipe"),
      h("span", { class: "canvas-state" }, "or drop one anywhere on the page; it becomes a job."),
    ),
    list,
    older,
  );
  const render = () => {
    if (element.hidden) return;
    older.hidden = !world.more;
    show(
      list,
      world.history.map((run) => card(run, world, opened, render)),
      world.runs.size
        ? null
        : h("li", { class: "empty" }, "No runs yet. They stay here when the page or moft app is closed."),
    );
  };
  watch([world], () => [world.listing], render);
  world.heard(() => tellProgress(list, world));
  return { element, shown: render };
}

function card(run, world, opened, render) {
  const done = run.state === "done";
  const detail = opened.get(run.key);
  const open = async (event) => {
    if (!event.target.open || opened.has(run.key)) return;
    const found = await trying(() => api.run(run.key));
    if (found) opened.set(run.key, found);
    render();
  };
  const part = run.kind === "plain" ? "plain" : "steered";
  return h(
    "li",
    { class: `card ${run.state}`, "data-run": run.key },
    picture(run),
    h(
      "div",
      { class: "run-text" },
      h("strong", {}, run.title || "no prompt"),
      h(
        "small",
        {},
        [
          run.kind === "plain" ? "Plain clip" : askedInWords(run.job),
          `seed ${run.job?.seed ?? 0}`,
          when(run.made),
        ].join(" · "),
      ),
      h(
        "small",
        {
          "data-state": "",
          class: `state ${run.followed === true ? "yes" : run.followed === false ? "no" : ""}`,
        },
        stateInWords(run),
      ),
      errorOf(run),
    ),
    h(
      "div",
      { class: "acts" },
      done && run.kind === "steer"
        ? h("a", { class: "button small", href: `#compare/${run.key}` }, "Compare")
        : null,
      done
        ? h(
            "a",
            { class: "button quiet small", href: `#draw/${run.key}` },
            run.kind === "plain" ? "Draw on it" : "Change",
          )
        : null,
      done ? h("a", { class: "button quiet small", href: `#look/${run.key}.${part}` }, "Look inside") : null,
      acts(run, world),
      removal(run, world),
    ),
    done
      ? h(
          "details",
          { on: { toggle: open } },
          h(
            "summary",
            { "data-key": `recipe ${run.key}` },
            run.kind === "plain" ? "Files" : "Recipe and files",
          ),
          detail ? downloads(detail) : h("p", { class: "hint" }, "…"),
          detail?.recipe ? h("pre", { tabindex: 0 }, JSON.stringify(detail.recipe, null, 2)) : null,
        )
      : null,
  );
}

/** What a job asks, in few words. */
export function askedInWords(job) {
  const words = (job?.requests ?? []).map((one) => {
    if (one.points) return `drag ${one.points.length} point${one.points.length > 1 ? "s" : ""}`;
    if (one.like) return "follow a clip";
    if (one.field) return "follow a field";
    if (one.path) return "a path";
    const way = typeof one.direction === "number" ? `${Math.round(one.direction)}°` : one.direction;
    return one.speed ? `${way} ${one.speed}` : way;
  });
  return words.join(" + ") || "nothing asked";
}

function when(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
