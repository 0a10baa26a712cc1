/** The server's answers, and what went wrong in words. */

/** What was expected, what came, and what to do. */
export class Refused extends Error {
  /** @param {{error: string, do?: string, where?: string | null}} told @param {number} status */
  constructor(told, status) {
    super(told.error);
    this.todo = told.do ?? "";
    this.where = told.where ?? null;
    this.status = status;
  }
}

const AWAY = {
  error: "moft app does not answer.",
  do: "Start it again where you started it; nothing that was done is lost.",
};
const TOKEN = {
  error: "This page was opened without its token.",
  do: "Open the address that moft app printed.",
};

async function ask(path, { body = null, method = body ? "POST" : "GET", headers = {} } = {}) {
  const json = body && !(body instanceof FormData);
  const all = { "X-Moft": "1", ...(json ? { "Content-Type": "application/json" } : {}), ...headers };
  let response;
  try {
    response = await fetch(path, { method, headers: all, body: json ? JSON.stringify(body) : body });
  } catch {
    throw new Refused(AWAY, 0);
  }
  if (response.status === 401) throw new Refused(TOKEN, 401);
  if (!response.ok) throw new Refused(await told(response), response.status);
  return response;
}

async function told(response) {
  try {
    const found = await response.json();
    if (typeof found.error === "string") return found;
  } catch {
    // not from moft: a proxy, or half an answer
  }
  return { error: `The server answered ${response.status}.`, do: "Try again." };
}

const get = async (path) => (await ask(path)).json();
const post = async (path, body = {}) => (await ask(path, { body })).json();
const remove = (path) => ask(path, { method: "DELETE" });

function form(files, more = {}) {
  const made = new FormData();
  for (const [name, value] of Object.entries(more)) if (value) made.append(name, value);
  for (const file of files) made.append("file", file, file.name ?? "drawn");
  return made;
}

const id = encodeURIComponent;

export const api = {
  form: () => get("/api/form"),
  model: () => get("/api/model"),
  media: () => get("/api/media"),
  upload: (files, kind = "") => post("/api/uploads", form(files, { kind })),
  drop: (file) => post("/api/drop", form([file])),
  preview: (asked) => post("/api/preview", asked),
  estimate: (job) => post("/api/estimate", { job }),
  runs: (before = "") => get(`/api/runs${before && `?before=${id(before)}`}`),
  run: (key) => get(`/api/runs/${id(key)}`),
  start: (job, kind, drawing = null) => post("/api/runs", { job, kind, ...(drawing && { drawing }) }),
  cancel: (key) => post(`/api/runs/${id(key)}/cancel`),
  retry: (key) => post(`/api/runs/${id(key)}/retry`),
  again: (key, seed = null) => post(`/api/runs/${id(key)}/again`, { seed }),
  discard: (key) => remove(`/api/runs/${id(key)}`),
  exported: async (job) => (await ask("/api/job/export", { body: { job } })).blob(),
  look: (asked) => post("/api/look", asked),
  lookMotion: (asked) => post("/api/look/motion", asked),
  plane: (asked) => get(`/api/look/plane?${new URLSearchParams(asked)}`),
};

/** Where pictures and files lie. */
export const at = {
  frame: (name, i, size = null) =>
    `/api/media/${id(name)}/frames/${i}.png${size ? `?width=${size.width}&height=${size.height}` : ""}`,
  looked: (name, i) => `/api/look/${id(name)}/frames/${i}.png`,
  live: (key, n) => `/api/runs/${id(key)}/live.jpg?n=${n}`,
  file: (key, name) => `/api/runs/${id(key)}/files/${id(name)}?download=1`,
  exported: (key) => `/api/runs/${id(key)}/export`,
};

/**
 * Hear what happens behind an event. @param {number} after its number @param {Record<string, (data: any) =>
 * void>} listeners by the event's name
 * @param {(open: boolean) => void} connected
 */
export function listen(after, listeners, connected) {
  const source = new EventSource(`/api/events?after=${after}`);
  for (const [name, hear] of Object.entries(listeners)) {
    source.addEventListener(name, (event) => hear(JSON.parse(event.data)));
  }
  source.addEventListener("open", () => connected(true));
  source.addEventListener("error", () => connected(false));
  return source;
}
