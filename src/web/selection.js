// The selected pictures, by their ids.

import { signal } from "./events.js";
import * as results from "./results.js";
import * as route from "./route.js";

/** Tells that the selection has changed. */
export const changed = signal();

const selected = new Set();
/** The picture from which a range goes: the one that was toggled last. */
let anchor = null;
/** The pictures that the last range has added, and its other end. Another range from the same picture takes their place. */
let range = [];
let head = null;
/** The history entry whose results the selection belongs to. */
let entry = null;

/** Follows the results: another query clears the selection, and pictures that are gone leave it. */
export function setUp() {
  results.changed.on((change, { ids: gone }) => {
    if (change === "reset") follow();
    if (change === "removed") drop(gone);
  });
}

/** Keeps the selection when the same query has been loaded again, as after uploads. */
function follow() {
  const isSame = entry === route.entry();
  entry = route.entry();
  drop([...selected].filter((id) => !isSame || results.indexOf(id) < 0));
}

function drop(gone) {
  const before = selected.size;
  for (const id of gone) selected.delete(id);
  if (selected.size !== before) changed.emit();
}

export const has = (id) => selected.has(id);
export const size = () => selected.size;

/** The selected ids in the order of the results. */
export function ids() {
  const found = [];
  for (let index = 0; index < results.count() && found.length < selected.size; index++) {
    if (selected.has(results.id(index))) found.push(results.id(index));
  }
  return found;
}

/** Whether a picture is selected. */
export const isOn = () => selected.size > 0;

/** Selects the picture at an index or no longer does; with `range` all from the one that was toggled before. */
export function toggle(index, { range: isRange = false } = {}) {
  if (isRange && results.indexOf(anchor) >= 0) return extendTo(index);
  const id = results.id(index);
  if (!selected.delete(id)) selected.add(id);
  startRange(index);
  changed.emit();
}

/** Lets the next range begin at the picture at an index. */
export function startRange(index) {
  [anchor, head, range] = [results.id(index), results.id(index), []];
}

/** Whether the last range ends at the picture at an index. */
export const isRangeAt = (index) => head !== null && head === results.id(index);

/** Selects all pictures from the one that was toggled last to an index, and no others of an earlier extension. */
export function extendTo(index) {
  const from = results.indexOf(anchor);
  for (const id of range) selected.delete(id);
  [head, range] = [results.id(index), []];
  for (let at = Math.min(from, index); at <= Math.max(from, index); at++) {
    const id = results.id(at);
    if (selected.has(id)) continue;
    selected.add(id);
    range.push(id);
  }
  changed.emit();
}

/** Selects these ids and no others. */
export function replace(chosen) {
  selected.clear();
  for (const id of chosen) selected.add(id);
  changed.emit();
}

/** Selects all results of a list, and all loaded hits of a search. */
export const selectAll = () => replace(Array.from({ length: results.count() }, (_, index) => results.id(index)));

/** Selects nothing. */
export const clear = () => replace([]);
