// The address and the way back. Every query is an entry of the browser's history; a large picture is one on top.

import { EMPTY, format, parse, same } from "./query.js";

/** Pictures from the reader's disk or clipboard that are or were queries, by the names that history.state has for them. */
const known = new Map();
const visit = Math.random().toString(36).slice(2);
let entries = 0;
let changed = () => {};

history.scrollRestoration = "manual";

/** Says who shows the query when it has changed; `restored` says that the reader went back or forward. */
export function onChange(listener) {
  changed = listener;
  addEventListener("popstate", () => changed({ restored: true }));
}

/** The query now. */
export const query = () => parse(location.search);

/** The reader's pictures that are part of the query now. */
export const files = () => (history.state?.files ?? []).map((name) => known.get(name)).filter(Boolean);

/** Whether the query is by a picture that the address cannot carry and nobody has any more. */
export const isLost = () => query().picture && !files().length;

/** A name for the entry of the query now; a large picture on top of it shares it. */
export const entry = () => history.state?.entry ?? null;

export function begin() {
  if (entry()?.startsWith(visit)) return;
  history.replaceState({ ...history.state, entry: nextEntry() }, "");
}

const nextEntry = () => `${visit}-${++entries}`;

/** Goes to another query, by other pictures of the reader's when some are given; Back returns here. */
export function go(change, pictures = files()) {
  const target = { ...query(), open: null, ...change, picture: pictures.length > 0 };
  const names = pictures.map(nameOf);
  const repeated = same(target, query()) && names.join() === (history.state?.files ?? []).join();
  // From a large picture, Back returns to the query below it.
  const instead = repeated || history.state?.viewer;
  history[instead ? "replaceState" : "pushState"]({ entry: nextEntry(), files: names }, "", format(target));
  changed({ restored: false });
}

function nameOf(file) {
  const name = [...known].find(([, one]) => one === file)?.[0] ?? `${visit}-${known.size}`;
  known.set(name, file);
  return name;
}

/** Back to the start: the newest images. */
export const goHome = () => go({ ...EMPTY, filter: {} }, []);

/** Puts the open image into the address: as a step that Back undoes, or instead of the image open before. */
export function open(id, instead) {
  if (query().open === id) return;
  const address = format({ ...query(), open: id });
  if (instead) history.replaceState(history.state, "", address);
  else history.pushState({ ...history.state, viewer: true }, "", address);
}

/** Takes the open image out of the address: by the step back where the reader came through the grid. */
export function close() {
  if (query().open === null) return;
  if (history.state?.viewer) history.back();
  else history.replaceState(history.state, "", format({ ...query(), open: null }));
}
