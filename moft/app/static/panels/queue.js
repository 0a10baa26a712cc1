/** Runs that wait, that are made, and the last that ended: progress, a live frame, cancel, try again. */

import { at } from "../ground/api.js";
import { h, show } from "../ground/dom.js";
import { turn } from "./acts.js";
import { duration } from "./generate.js";
import { watch } from "../ground/watch.js";

const ENDED = 3; // runs that stay in the list when they are over

/** @param {import("../ground/world.js").World} world */
export function queuePanel(world) {
  const list = h("ul", { class: "queue" });
  const element = h(
    "section",
    { class: "panel queue-panel", "aria-labelledby": "queue-title" },
    h(
      "div",
      { class: "panel-head" },
      h("h2", { id: "queue-title" }, "Runs"),
      h("a", { href: "#history" }, "All runs"),
    ),
    list,
  );
  const render = () => {
    const runs = world.history;
    const open = runs.filter(({ state }) => state === "running" || state === "waiting").reverse();
    const over = runs.filter(({ state }) => state !== "running" && state !== "waiting").slice(0, ENDED);
    show(
      list,
      [...open, ...over].map((run) => row(run, world)),
      runs.length ? null : h("li", { class: "empty" }, "What you generate appears here, and is kept."),
    );
  };
  watch([world], () => [world.listing], render);
  world.heard(() => tellProgress(list, world));
  return element;
}

/** What goes on, told in its place: a row is not made anew with every step, so it can be pressed. */
export function tellProgress(list, world) {
  for (const row of list.querySelectorAll("[data-run]")) {
    const run = world.runs.get(row.dataset.run);
    if (run?.state !== "running") continue;
    row.querySelector("[data-state]").textContent = stateInWords(run);
    const bar = row.querySelector("progress");
    if (bar) bar.value = Math.round(100 * (run.progress?.done ?? 0));
    const shown = row.querySelector(".thumb");
    const live = run.live ? at.live(run.key, run.live) : null;
    if (live && shown.getAttribute("src") !== live) shown.replaceWith(picture(run));
  }
}

function row(run, world) {
  return h(
    "li",
    { class: `run ${run.state}`, "data-run": run.key },
    picture(run),
    h(
      "div",
      { class: "run-text" },
      h("strong", {}, run.title || "no prompt"),
      h("small", { "data-state": "" }, stateInWords(run)),
      run.state === "running" ? progress(run) : null,
      errorOf(run),
    ),
    h(
      "div",
      { class: "acts" },
      run.state === "done"
        ? h(
            "a",
            {
              class: "button small",
              href: `#${run.kind === "plain" ? "draw" : "compare"}/${run.key}`,
              "data-key": `open ${run.key}`,
            },
            run.kind === "plain" ? "Draw on it" : "Compare",
          )
        : null,
      turn(run, world),
    ),
  );
}

/** Why a run failed, and what to do. */
export function errorOf({ error }) {
  return error && h("small", { class: "wrong" }, [error.error, error.do].filter(Boolean).join("; "));
}

/** Its first frame, or what it looks like so far. */
export function picture(run) {
  const source =
    run.state === "done"
      ? at.frame(`${run.key}.${run.kind === "plain" ? "plain" : "steered"}`, 0)
      : run.live
        ? at.live(run.key, run.live)
        : null;
  return source
    ? h("img", {
        src: source,
        alt: run.state === "done" ? "" : "What it looks like so far",
        class: `thumb ${run.state}`,
        loading: "lazy",
      })
    : h("span", { class: "thumb" });
}

function progress({ progress: now }) {
  const done = Math.round(100 * (now?.done ?? 0));
  return h("progress", { max: 100, value: done, "aria-label": "How much is done" });
}

/** Where a run stands. */
export function stateInWords({ kind, state, progress: now, followed, attempts }) {
  const what = kind === "plain" ? "plain clip" : "steered";
  if (state === "waiting") return attempts ? "is taken up again" : "waiting";
  if (state === "running") {
    if (!now) return "begins";
    const left = now.left_seconds == null ? "" : `, ${duration(now.left_seconds)} left`;
    return `${now.part}, step ${now.index} of ${now.count}${left}`;
  }
  if (state !== "done" || kind === "plain") return state === "done" ? `${what}, done` : state;
  return { true: "followed", false: "not followed" }[String(followed)] ?? "done";
}
