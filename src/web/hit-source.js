// A source of results that arrive page by page with all their details: the hits of a search, best first.

import { signal } from "./events.js";
import { imagesOf } from "./page-size.js";
import { dividerOf, fitOf } from "./relevance.js";

/**
 * Makes a source. `loadPage(position)` returns a promise of a page of a search; `position` is null for the first page
 * and the `next_cursor` of the page before for the others. Nothing is loaded until `more()` is called.
 */
export function hitSource(loadPage) {
  let hits = [];
  /** The place of each hit by its id. */
  let places = new Map();
  let total = null;
  /** The hit with the greatest relevance or score. The first hit of a mixed ranking need not have it. */
  let best = null;
  let divider = null;
  /** The position of the next page; null after the last. */
  let next = "";
  /** The promise of the page that is under way, which all callers share. */
  let loading = null;

  const indexOf = (id) => places.get(id) ?? -1;
  const findPlaces = () => (places = new Map(hits.map(({ image_id: id }, index) => [id, index])));
  const strength = ({ relevance, score }) => relevance ?? score ?? 0;

  async function loadNext() {
    const answer = await loadPage(next || null);
    next = answer.next_cursor;
    total = answer.total;
    const from = hits.length;
    // An upload between two pages shifts them, so hits that are shown already are left out.
    hits.push(...answer.hits.filter(({ image_id: id }) => indexOf(id) < 0));
    findPlaces();
    for (const hit of hits.slice(from)) if (!best || strength(hit) > strength(best)) best = hit;
    // A divider that stands stays, so that nothing moves under the reader.
    divider ??= dividerOf(hits);
    source.changed.emit("grown", { from, ids: hits.slice(from).map(({ image_id: id }) => id) });
    return answer;
  }

  const source = {
    changed: signal(),
    count: () => hits.length,
    total: () => total,
    isComplete: () => next === null,
    isRanked: () => true,
    id: (index) => hits[index]?.image_id,
    ratio: (index) => hits[index].width / hits[index].height || 1,
    indexOf,
    day: () => null,
    item: (index) => hits[index] ?? null,
    need: () => Promise.resolve(),
    more: () => (next === null ? Promise.resolve(null) : (loading ??= loadNext().finally(() => (loading = null)))),
    async load(index) {
      while (index >= hits.length && next !== null) await source.more();
      return hits[index];
    },
    loadAll: (ids) => imagesOf(ids, (id) => hits[indexOf(id)]),
    divider: () => divider,
    fit: (index) => fitOf(hits[index], best),
    remove(ids) {
      const gone = new Set(ids);
      const from = hits.findIndex(({ image_id: id }) => gone.has(id));
      if (from < 0) return null;
      if (divider !== null) divider -= hits.slice(0, divider).filter(({ image_id: id }) => gone.has(id)).length;
      hits = hits.filter(({ image_id: id }) => !gone.has(id));
      findPlaces();
      return from;
    },
    update(image) {
      const known = hits[indexOf(image.image_id)];
      if (known) Object.assign(known, { caption: image.caption, tags: image.tags });
      return Boolean(known);
    },
  };
  return source;
}

/** The source of a page that has not loaded anything yet. */
export const EMPTY_SOURCE = hitSource(() => Promise.resolve({ hits: [], next_cursor: null, total: null }));
