// The address and the browser's history. Every query is an entry; a large view is another entry on top of it.

import { EMPTY, format, isSameQuery, parse } from "./query.js";

/** The reader's own pictures that are or were part of a query, by the names that history.state has for them. */
const picturesByName = new Map();
const visitId = Math.random().toString(36).slice(2);
let entries = 0;
let onQueryChange = () => {};

history.scrollRestoration = "manual";

/** Sets the function that shows the query after a change; `restored` is true when the reader went back or forward. */
export function onChange(listener) {
  onQueryChange = listener;
  addEventListener("popstate", () => onQueryChange({ restored: true }));
}

/** The current query. */
export const query = () => parse(location.search);

/** The reader's own pictures that are part of the current query. */
export const files = () => (history.state?.files ?? []).map((name) => picturesByName.get(name)).filter(Boolean);

/** Whether the query has a picture of the reader's that the page no longer holds, as after a reload. */
export const isPictureLost = () => query().picture && !files().length;

/** The name of the current query's history entry. A large view on top of the query has the same name. */
export const entry = () => history.state?.entry ?? null;

export function start() {
  if (entry()?.startsWith(visitId)) return;
  history.replaceState({ ...history.state, entry: nextEntry() }, "");
}

const nextEntry = () => `${visitId}-${++entries}`;

/** Goes to another query, with other pictures of the reader's when some are given. Back returns to the query before. */
export function navigate(change, pictures = files()) {
  const target = { ...query(), open: null, ...change, picture: pictures.length > 0 };
  const names = pictures.map(nameOf);
  const repeated = isSameQuery(target, query()) && names.join() === (history.state?.files ?? []).join();
  // After a large view, Back returns to the query below it.
  const replace = repeated || history.state?.viewer;
  history[replace ? "replaceState" : "pushState"]({ entry: nextEntry(), files: names }, "", format(target));
  onQueryChange({ restored: false });
}

function nameOf(file) {
  const name = [...picturesByName].find(([, one]) => one === file)?.[0] ?? `${visitId}-${picturesByName.size}`;
  picturesByName.set(name, file);
  return name;
}

/** Goes to the newest images. */
export const goHome = () => navigate({ ...EMPTY, filter: {} }, []);

/** Puts the open image into the address, as a new history entry or, with `replace`, in place of the image open before. */
export function open(id, replace) {
  if (query().open === id) return;
  const address = format({ ...query(), open: id });
  if (replace) history.replaceState(history.state, "", address);
  else history.pushState({ ...history.state, viewer: true }, "", address);
}

/** Removes the open image from the address, by going back when the reader came from the grid. */
export function close() {
  if (query().open === null) return;
  if (history.state?.viewer) history.back();
  else history.replaceState(history.state, "", format({ ...query(), open: null }));
}
