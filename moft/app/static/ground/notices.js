/** What the page has to tell: errors stay until they are put away, news goes by itself. */

import { button, h } from "./dom.js";

const NEWS = 7000; // ms
const MOST = 4;

const place = h("div", { class: "notices", role: "region", "aria-label": "Messages" });
const errors = h("div", { role: "alert" });
const news = h("div", { role: "status" });
place.append(errors, news);

export const notices = place;

/** An error of the server's or of the page's own: what, why, what to do. @param {any} error */
export function failed(error) {
  const text = String(error?.message ?? error);
  const same = [...errors.children].find((one) => /** @type {HTMLElement} */ (one).dataset.text === text);
  same?.remove();
  const where = error?.where ? h("small", {}, error.where) : null;
  add(
    errors,
    h(
      "div",
      { class: "notice wrong", "data-text": text },
      where,
      h("p", {}, text),
      error?.todo ? h("p", { class: "todo" }, error.todo) : null,
    ),
  );
}

/** Something that is good to know. @param {Node | string} [more] a link or a button to go on with */
export function told(text, more = "") {
  const notice = add(news, h("div", { class: "notice" }, h("p", {}, text, " ", more)));
  setTimeout(() => notice.remove(), NEWS);
}

function add(list, notice) {
  notice.append(button("Close", () => notice.remove(), { class: "quiet", "aria-label": "Close message" }));
  list.prepend(notice);
  for (const old of [...list.children].slice(MOST)) old.remove();
  return notice;
}

/**
 * Run something that asks the server; what goes wrong is told.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | null>}
 */
export async function trying(work) {
  try {
    return await work();
  } catch (error) {
    failed(error);
    return null;
  }
}
