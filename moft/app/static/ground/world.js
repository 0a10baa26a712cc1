/** What the server said: of the model, the form, the clips and the runs. Kept up to date by its events. */

import { api, listen } from "./api.js";
import { failed, trying } from "./notices.js";

export class World {
  constructor() {
    this.form = null;
    this.model = null;
    /** @type {Map<string, any>} runs by key */
    this.runs = new Map();
    /** @type {any[]} uploads */
    this.media = [];
    /** Goes up whenever a run or a clip comes, goes or is in another state; not with every step. */
    this.listing = 0;
    this.more = false; // runs that are older than these
    this.worker = "up";
    this.connected = true;
    this.listeners = new Set();
    this.looked = new Set();
    this.sent = new Map();
    /** @type {string | null} the plain clip that is drawn on once it is made */
    this.drawOn = null;
    this.onPlain = (_run) => {};
    this.onEnd = (_run) => {};
    this.onNote = (_text) => {};
  }

  heard(listener) {
    this.listeners.add(listener);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  async begin() {
    const [form, model, found] = await Promise.all([api.form(), api.model(), this.refresh()]);
    Object.assign(this, { form, model });
    this.hear(found.event);
    this.tell();
  }

  async refresh() {
    const [found, media] = await Promise.all([api.runs(), api.media()]);
    this.runs = new Map(found.runs.map((run) => [run.key, run]));
    Object.assign(this, { media, worker: found.worker, more: found.more });
    this.listing++;
    this.tell();
    return found;
  }

  /** Have those that are older than the oldest here. */
  async older() {
    const found = await trying(() => api.runs(this.history.at(-1)?.key));
    if (!found) return;
    for (const run of found.runs) this.runs.set(run.key, run);
    this.more = found.more;
    this.listing++;
    this.tell();
  }

  hear(after) {
    const put = (change) => {
      change();
      this.tell();
    };
    const listeners = {
      run: (run) => put(() => this.took(run)),
      step: ({ key, live, ...progress }) => put(() => this.stepped(key, progress, live)),
      gone: ({ key }) => put(() => this.forgot(key)),
      model: (model) => put(() => (this.model = model)),
      worker: ({ worker, why }) => put(() => this.workerIs(worker, why)),
      look: (read) => this.looked.forEach((hear) => hear(read)),
    };
    listen(after, listeners, (open) => {
      if (open && !this.connected) trying(() => this.refresh());
      put(() => (this.connected = open));
    });
  }

  took(run) {
    const before = this.runs.get(run.key);
    if (run.kind === "steer" || run.kind === "plain" || before) this.runs.set(run.key, { ...before, ...run });
    this.looked.forEach((hear) => hear(run));
    if (before?.state !== run.state || before?.error !== run.error) this.listing++;
    if (before && before.state !== run.state) this.onEnd(run);
  }

  forgot(key) {
    this.runs.delete(key);
    this.listing++;
  }

  stepped(key, progress, live) {
    const run = this.runs.get(key);
    if (run?.state === "running" || run?.state === "waiting")
      this.runs.set(key, { ...run, progress, live: live || run.live });
  }

  workerIs(worker, why) {
    this.worker = worker;
    if (worker === "down")
      failed({
        message: `The process that makes clips is down${why ? `: ${why}` : "."}`,
        todo: "It is started again; runs go on where they can.",
      });
  }

  /** Newest first. */
  get history() {
    return [...this.runs.values()].sort((a, b) => b.made - a.made);
  }

  /** Every clip that can be followed, compared or looked into: of runs, and uploads. */
  clips() {
    const made = this.history.filter(({ state }) => state === "done").flatMap((run) => this.clipsOf(run));
    return [...made, ...this.media.filter(({ kind }) => kind === "clip")];
  }

  clipsOf(run) {
    const size = run.job?.size ?? this.model?.size ?? { frames: 8, width: 64, height: 64 };
    const title = run.title || "no prompt";
    const { prompt = "", seed = 0 } = run.job ?? {};
    const when = new Date(run.made * 1000).toLocaleTimeString([], { timeStyle: "short" });
    const clip = (part) => ({
      ...size,
      scene: { prompt: prompt ?? "", seed },
      id: `${run.key}.${part}`,
      name: `${part}: ${title}, seed ${seed}, ${when}`,
      fps: run.job?.fps ?? this.model?.fps ?? null,
    });
    return run.kind === "plain" ? [clip("plain")] : [clip("steered"), clip("plain")];
  }

  fields() {
    return this.media.filter(({ kind }) => kind === "field");
  }

  /** Upload what a person chose. @param {(media: any) => void} then */
  async upload(files, kind, then) {
    const media = await trying(() => api.upload([...files], kind));
    if (!media) return;
    this.know(media);
    for (const note of media.notes ?? []) this.onNote(`${media.name}: ${note}`);
    then(media);
  }

  know(media) {
    this.media = [media, ...this.media.filter(({ id }) => id !== media.id)];
    this.listing++;
    this.tell();
  }

  /** Where the drawing puts the files that a job names; the same is sent once. */
  get files() {
    const send = (kind, names) => (blobs, key) => {
      const all = [blobs].flat();
      const once = `${kind} ${key}`;
      if (!this.sent.has(once)) {
        const files = all.map((blob, i) => new File([blob], names(i), { type: blob.type }));
        const sent = api.upload(files, kind).then(({ id }) => id);
        this.sent.set(once, sent);
        sent.catch(() => this.sent.delete(once));
      }
      return this.sent.get(once);
    };
    return {
      mask: send("mask", (i) => `${String(i).padStart(4, "0")}.png`),
      field: send("field", () => "camera.json"),
    };
  }
}
