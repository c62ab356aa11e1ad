// The address and the browser's history. Every query is an entry; a large view is another entry on top of it.

import { EMPTY, format, parse, same } from "./query.js";

/** The reader's own pictures that are or were part of a query, by the names that history.state has for them. */
const known = new Map();
const visit = Math.random().toString(36).slice(2);
let entries = 0;
let changed = () => {};

history.scrollRestoration = "manual";

/** Sets the function that shows the query after a change; `restored` is true when the reader went back or forward. */
export function onChange(listener) {
  changed = listener;
  addEventListener("popstate", () => changed({ restored: true }));
}

/** The current query. */
export const query = () => parse(location.search);

/** The reader's own pictures that are part of the current query. */
export const files = () => (history.state?.files ?? []).map((name) => known.get(name)).filter(Boolean);

/** Whether the query has a picture of the reader's that the page no longer holds, as after a reload. */
export const isLost = () => query().picture && !files().length;

/** The name of the current query's history entry. A large view on top of the query has the same name. */
export const entry = () => history.state?.entry ?? null;

export function begin() {
  if (entry()?.startsWith(visit)) return;
  history.replaceState({ ...history.state, entry: nextEntry() }, "");
}

const nextEntry = () => `${visit}-${++entries}`;

/** Goes to another query, with other pictures of the reader's when some are given. Back returns to the query before. */
export function go(change, pictures = files()) {
  const target = { ...query(), open: null, ...change, picture: pictures.length > 0 };
  const names = pictures.map(nameOf);
  const repeated = same(target, query()) && names.join() === (history.state?.files ?? []).join();
  // After a large view, Back returns to the query below it.
  const instead = repeated || history.state?.viewer;
  history[instead ? "replaceState" : "pushState"]({ entry: nextEntry(), files: names }, "", format(target));
  changed({ restored: false });
}

function nameOf(file) {
  const name = [...known].find(([, one]) => one === file)?.[0] ?? `${visit}-${known.size}`;
  known.set(name, file);
  return name;
}

/** Goes to the newest images. */
export const goHome = () => go({ ...EMPTY, filter: {} }, []);

/** Puts the open image into the address, as a new history entry or, with `instead`, in place of the image open before. */
export function open(id, instead) {
  if (query().open === id) return;
  const address = format({ ...query(), open: id });
  if (instead) history.replaceState(history.state, "", address);
  else history.pushState({ ...history.state, viewer: true }, "", address);
}

/** Removes the open image from the address, by going back when the reader came from the grid. */
export function close() {
  if (query().open === null) return;
  if (history.state?.viewer) history.back();
  else history.replaceState(history.state, "", format({ ...query(), open: null }));
}
