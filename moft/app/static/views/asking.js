/** Questions to the model: what moves like this, how all moves, which way is which. */

import { api } from "../ground/api.js";
import { failed } from "../ground/notices.js";

/** Ask for what is wanted now; where features are still read, ask again when they are. */
export function asker(view, world, put) {
  let asked = 0;
  const over = new Set(); // readings that ended, perhaps before it was known that they were waited for
  const run = async () => {
    const mine = ++asked;
    const { media, others, layer, design, point, pointFrame } = view;
    const common = { layer: layer || null, timestep: view.timestep };
    const given = { ...(layer && { layer }), ...(view.timestep != null && { timestep: view.timestep }) };
    const questions = {
      found: () => api.look({ ...common, media, others, design, point, frame: pointFrame, seen: true }),
    };
    if (view.show === "motion") questions.motion = () => api.lookMotion({ ...common, media });
    if (view.show === "plane") questions.plane = () => api.plane({ ...given, design });
    try {
      let waiting = [];
      /** @type {any} */
      const change = {};
      for (const [name, ask] of Object.entries(questions)) {
        const found = await ask();
        if (mine !== asked) return;
        if (found.status === "ready") change[name] = found;
        else waiting = found.runs ?? [found.run];
      }
      put({ ...change, waiting });
      if (waiting.some((key) => over.delete(key))) run();
    } catch (error) {
      if (mine === asked) put({ waiting: [] });
      failed(error);
    }
  };
  world.looked.add((event) => {
    if (!event.state || event.state === "done") over.add(event.key);
    if (!view.waiting.includes(event.key)) return;
    if (event.state === "failed" || event.state === "cancelled") return put({ waiting: [] });
    if (over.delete(event.key)) run();
  });
  return run;
}
