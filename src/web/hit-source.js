// A source of results that arrive page by page with all their details.

import { imagesByIds } from "./api.js";
import { signal } from "./events.js";

const BLOCK = 100;

/**
 * Makes a source. `loadPage(position)` returns a promise of a page of a search or a list; `position` is null for the
 * first page and the `next_cursor` of the page before for the others. Nothing is loaded until `more()` is called.
 */
export function hitSource(loadPage) {
  let images = [];
  let total = null;
  /** The position of the next page; null after the last. */
  let next = "";
  let ranked = false;
  /** The promise of the page that is under way, which all callers share. */
  let loading = null;

  const indexOf = (id) => images.findIndex((image) => image.image_id === id);

  async function loadNext() {
    const answer = await loadPage(next || null);
    ranked = Boolean(answer.hits);
    next = answer.next_cursor;
    total = answer.total ?? null;
    const from = images.length;
    // An upload between two pages shifts them, so images that are shown already are left out.
    images.push(...(answer.hits ?? answer.images).filter(({ image_id: id }) => indexOf(id) < 0));
    source.changed.emit("grown", { from, ids: images.slice(from).map(({ image_id: id }) => id) });
    return answer;
  }

  const source = {
    changed: signal(),
    count: () => images.length,
    total: () => total,
    isComplete: () => next === null,
    isRanked: () => ranked,
    id: (index) => images[index]?.image_id,
    ratio: (index) => images[index].width / images[index].height,
    indexOf,
    day: () => null,
    item: (index) => images[index] ?? null,
    need() {},
    more: () => (next === null ? Promise.resolve(null) : (loading ??= loadNext().finally(() => (loading = null)))),
    async load(index) {
      while (index >= images.length && next !== null) await source.more();
      return images[index];
    },
    async loadAll(ids) {
      const unknown = ids.filter((id) => indexOf(id) < 0);
      const found = new Map(images.map((image) => [image.image_id, image]));
      for (let at = 0; at < unknown.length; at += BLOCK) {
        const { images: more } = await imagesByIds(unknown.slice(at, at + BLOCK));
        for (const image of more) found.set(image.image_id, image);
      }
      return ids.map((id) => found.get(id)).filter(Boolean);
    },
    divider: () => null,
    fit: () => null,
    remove(ids) {
      const gone = new Set(ids);
      const from = images.findIndex(({ image_id: id }) => gone.has(id));
      images = images.filter(({ image_id: id }) => !gone.has(id));
      return from < 0 ? null : from;
    },
    update(image) {
      const known = images[indexOf(image.image_id)];
      if (known) Object.assign(known, { caption: image.caption, tags: image.tags });
      return Boolean(known);
    },
  };
  return source;
}

/** The source of a page that has not loaded anything yet. */
export const EMPTY_SOURCE = hitSource(() => Promise.resolve({ images: [], next_cursor: null }));
