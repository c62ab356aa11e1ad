// A source of results for a list: the shape of every picture is known at once, and the details arrive as they are needed.

import { signal } from "./events.js";
import { imagesInParts, imagesOf, pageSize } from "./page-size.js";

/** Characters of each text of the details. The large view loads longer texts whole. */
const MAX_TEXT_CHARS = 300;

/** Most images whose details are kept, those that were needed last. */
const MAX_DETAILS = 3000;

/** Most pictures of a list. The height of a page is bounded in every browser. */
const MAX_LISTED = 200_000;

const NO_DAY = -(2 ** 31);

/**
 * Makes a source of the first answer of GET images/layout. `loadRest(position)` returns a promise of the part at
 * {cursor, random_seed}. The source has the functions of a hit source; `more()` loads the next part.
 */
export function listSource(layoutAnswer, loadRest) {
  // Typed arrays take 16 bytes a picture, an object with its details a kilobyte.
  let ids = new Float64Array(0);
  let ratios = new Float32Array(0);
  let days = new Int32Array(0);
  const hasDays = layoutAnswer.days !== null;
  let next = null;
  let total = null;
  let loading = null;
  /** The places by id; made when somebody asks, because most lists are only scrolled. */
  let places = null;
  const details = new Map();
  /** The promises of details that are under way, by id. */
  const pending = new Map();

  function append(answer) {
    const from = ids.length;
    ids = joined(ids, answer.image_ids);
    ratios = joined(ratios, answer.widths.map((width, at) => width / answer.heights[at] || 1));
    if (hasDays) days = joined(days, answer.days.map((day) => day ?? NO_DAY));
    const { next_cursor: cursor, random_seed } = answer;
    next = cursor && ids.length < MAX_LISTED ? { cursor, random_seed } : null;
    total = cursor ? answer.total : { count: ids.length, exact: true };
    places = null;
    return from;
  }

  async function loadNext() {
    const answer = await loadRest(next);
    const from = append(answer);
    source.changed.emit("grown", { from, ids: answer.image_ids });
    return answer;
  }

  function keep(image) {
    details.delete(image.image_id);
    details.set(image.image_id, image);
    if (details.size > MAX_DETAILS) details.delete(details.keys().next().value);
  }

  async function loadDetails(wanted) {
    const { images, unknown } = await imagesInParts(wanted, MAX_TEXT_CHARS).finally(() => wanted.forEach((id) => pending.delete(id)));
    images.forEach(keep);
    source.changed.emit("updated", { from: 0, ids: images.map(({ image_id: id }) => id) });
    // Somebody else may have deleted images since the list was made.
    const from = source.remove(unknown);
    if (from !== null) source.changed.emit("removed", { from, ids: unknown });
  }

  const isMissing = (id) => !details.has(id) && !pending.has(id);

  /** Loads the details of some images, with those `ahead` that fit into the same request. */
  function needIds(wanted, ahead) {
    for (const id of wanted) if (details.has(id)) keep(details.get(id));
    const missing = wanted.filter(isMissing);
    if (missing.length) {
      const asked = [...missing, ...ahead.filter(isMissing)].slice(0, Math.ceil(missing.length / pageSize()) * pageSize());
      const answer = loadDetails(asked);
      for (const id of asked) pending.set(id, answer);
    }
    return Promise.all(wanted.map((id) => pending.get(id)));
  }

  const source = {
    changed: signal(),
    count: () => ids.length,
    total: () => total,
    isComplete: () => next === null,
    isRanked: () => false,
    id: (index) => ids[index],
    ratio: (index) => ratios[index],
    indexOf(id) {
      places ??= new Map(Array.from(ids, (one, index) => [one, index]));
      return places.get(id) ?? -1;
    },
    day: (index) => (hasDays && days[index] !== NO_DAY ? days[index] : null),
    item: (index) => details.get(ids[index]) ?? null,
    need(first, last) {
      const range = (from, to) => Array.from(ids.subarray(Math.max(0, from), to));
      // A part of the page is loaded with what lies around it, for the next movement.
      return needIds(range(first, last + 1), [...range(last + 1, last + 51), ...range(first - 50, first)]);
    },
    more: () => (next === null ? Promise.resolve(null) : (loading ??= loadNext().finally(() => (loading = null)))),
    async load(index) {
      while (index >= ids.length && next !== null) await source.more();
      if (index < 0 || index >= ids.length) return undefined;
      await source.need(index, index);
      return source.item(index) ?? undefined;
    },
    loadAll: (wanted) => imagesOf(wanted, (id) => (details.get(id)?.texts_shortened ? undefined : details.get(id))),
    divider: () => null,
    fit: () => null,
    remove(removed) {
      const gone = new Set(removed);
      const from = ids.findIndex((id) => gone.has(id));
      if (from < 0) return null;
      const stays = Array.from(ids, (id) => !gone.has(id));
      const left = (list) => list.filter((_, index) => stays[index]);
      const before = ids.length;
      // All lists are filtered before one of them changes.
      [ids, ratios, days] = [left(ids), left(ratios), left(days)];
      total = { ...total, count: total.count - (before - ids.length) };
      for (const id of gone) details.delete(id);
      places = null;
      return from;
    },
    update(image) {
      const known = details.get(image.image_id);
      if (known) Object.assign(known, { caption: image.caption, tags: image.tags });
      return Boolean(known);
    },
  };
  append(layoutAnswer);
  return source;
}

function joined(list, added) {
  const all = new list.constructor(list.length + added.length);
  all.set(list);
  all.set(added, list.length);
  return all;
}
