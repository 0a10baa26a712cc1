/** What can be done with a run: make it again, with another seed, try again, cancel, remove. */

import { api } from "../ground/api.js";
import { button, h } from "../ground/dom.js";
import { told, trying } from "../ground/notices.js";

/** @param {any} run @param {import("../ground/world.js").World} world */
export function acts(run, world, size = "small") {
  const start = (seed, text) => async () => {
    const made = await trying(() => api.again(run.key, seed));
    if (!made) return;
    world.took(made);
    world.tell();
    told(text, h("a", { href: "#draw" }, "See the queue"));
  };
  const key = (name) => ({ class: `quiet ${size}`, "data-key": `${name} ${run.key}` });
  const other = () => Math.floor(Math.random() * 1e6);
  return h(
    "div",
    { class: "acts" },
    run.state === "done"
      ? button("Again", start(null, "It is made again, to the same frames."), key("again"))
      : null,
    run.state === "done"
      ? button("Vary seed", start(other(), "It is made with another seed."), key("vary"))
      : null,
    turn(run, world, size),
  );
}

/** Cancel what waits or goes on, retry what failed or was cancelled; null for what is done. */
export function turn(run, world, size = "small") {
  const open = run.state === "waiting" || run.state === "running";
  if (!open && run.state !== "failed" && run.state !== "cancelled") return null;
  const change = async () => {
    const found = await trying(() => (open ? api.cancel(run.key) : api.retry(run.key)));
    if (found) world.took(found);
    world.tell();
  };
  return button(open ? "Cancel" : "Retry", change, { class: `quiet ${size}`, "data-key": `turn ${run.key}` });
}

/** Remove a run and its files, once it was pressed twice. */
export function removal(run, world) {
  if (run.state === "running") return null;
  const made = button(
    "Delete",
    async () => {
      if (!made.dataset.sure) {
        made.dataset.sure = "yes";
        made.textContent = "Delete for good?";
        setTimeout(() => {
          delete made.dataset.sure;
          made.textContent = "Delete";
        }, 4000);
        return;
      }
      if (!(await trying(() => api.discard(run.key)))) return;
      world.forgot(run.key);
      world.tell();
    },
    { class: "quiet small danger", "data-key": `delete ${run.key}` },
  );
  return made;
}
