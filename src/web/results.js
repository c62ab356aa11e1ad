// The results that are shown. Every other module reads them here; gallery.js chooses their source.

import { signal } from "./events.js";
import { EMPTY_SOURCE } from "./hit-source.js";

/**
 * Tells that the results have changed: "reset" (another source), "grown" (more results at the end, from index `from`),
 * "removed" ({ids}, and `from`, the first index that has moved), or "updated" (the details of {ids} have arrived or changed).
 */
export const changed = signal();

let source = EMPTY_SOURCE;
/** The sources whose changes are passed on. A source that is not shown tells nobody. */
const known = new WeakSet();

/** Shows the results of another source. */
export function use(next) {
  source = next;
  if (!known.has(next)) next.changed.on((change, details) => next === source && changed.emit(change, details));
  known.add(next);
  changed.emit("reset", { from: 0, ids: [] });
}

/** The source that is shown, for the cache of gallery.js. */
export const current = () => source;

/** Number of results whose shape is known. An index below it is the place of a result in the shown order. */
export const count = () => source.count();

/** The number of all results, {count, exact}, or null while nobody knows it. */
export const total = () => source.total();

/** Whether no result follows. */
export const isComplete = () => source.isComplete();

/** Whether these are the hits of a search by words or a picture. */
export const isRanked = () => source.isRanked();

export const id = (index) => source.id(index);

/** Width by height of a picture's cell, from 0.4 to 3: very wide or tall pictures get a cell of bounded proportions. */
export const ratio = (index) => Math.min(3, Math.max(0.4, source.ratio(index)));

/** The place of an image, or −1. */
export const indexOf = (imageId) => source.indexOf(imageId);

/** Days since 1970 of the date by which the list is ordered, or null. */
export const day = (index) => source.day(index);

/** The image at an index when its details are loaded, else null. */
export const item = (index) => source.item(index);

/** Loads the details of a range of results. "updated" tells when they have arrived. */
export const need = (first, last) => source.need(first, last);

/** Returns a promise of the image at an index, and loads the next page of hits for it; undefined past the end. */
export const load = (index) => source.load(index);

/** Loads the next page of hits, if there is one. */
export const more = () => source.more();

/** Returns a promise of the images with these ids, in this order; images that are gone are left out. */
export const loadAll = (ids) => source.loadAll(ids);

/** The index before which the divider of less related hits stands, or null. */
export const divider = () => source.divider();

/** The fit of a hit relative to the best: {share, from 0 to 1, likely}; null in a list. */
export const fit = (index) => source.fit(index);

/** Removes deleted images. */
export function remove(ids) {
  const from = source.remove(ids);
  if (from !== null) changed.emit("removed", { from, ids });
}

/** Takes over the changed caption and tags of an image. */
export function update(image) {
  if (source.update(image)) changed.emit("updated", { from: source.indexOf(image.image_id), ids: [image.image_id] });
}
