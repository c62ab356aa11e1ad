// Loads the results of the query page by page, and announces their number.

import * as api from "./api.js";
import { $ } from "./dom.js";
import * as grid from "./grid.js";
import * as chips from "./line.js";
import * as problem from "./problem.js";
import { filterBody, isBlank } from "./query.js";
import * as route from "./route.js";
import { number, onLanguageChange, say } from "./say.js";

const PAGE = 16;
const MAX_CACHED = 20;
/** Most added images that are put before those shown; with more, the page loads the results again. */
const MAX_PREPENDED = 64;
/** The images on the page, in order, and the position of the next ones ("" at the beginning, null at the end). */
let images = [];
let next = null;
/** The positions of the pages that are on the page. */
let starts = [];
/** Makes the last announcement, for a change of the language. */
let announcement = () => "";
let request = new AbortController();
/** Results of earlier queries by history entry, so that Back shows them at once and at the same scroll position. */
const cache = new Map();
let shownEntry = null;
let onAnswer = () => {};
/** The items of the query line, as the service has read it. */
let line = [];

/** Sets up paging. `answer` is called with the service's answer to each search. */
export function setUp(answer) {
  onAnswer = answer;
  $("more").onclick = loadMore;
  // Scrolling near the end loads the next page; after an error only the button does.
  const watcher = new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting && !$("more").hidden && !$("more").disabled && !problem.isError()) loadPage();
  }, { rootMargin: "600px" });
  watcher.observe($("more"));
  watchMore = () => (watcher.unobserve($("more")), watcher.observe($("more")));
  onLanguageChange(() => ($("status").textContent = announcement()));
}
let watchMore = () => {};

function showLine(items) {
  line = items;
  chips.show(items);
}

/** Shows a text in the live region above the pictures. */
export function announce(text) {
  announcement = text;
  $("status").textContent = text();
}

/** Shows the results of the query of the address: the cached ones when the reader came back to it, else the first page. */
export async function load({ restored = false } = {}) {
  const entry = route.entry();
  const known = restored ? cache.get(entry) : null;
  cacheShown();
  shownEntry = entry;
  if (known) {
    request.abort();
    problem.clear();
    grid.clear();
    ({ images, next, starts } = known);
    grid.append(images);
    announce(known.announcement);
    showLine(known.line);
    finishPage();
    scrollTo(0, known.scroll);
    return;
  }
  images = [];
  next = "";
  starts = [];
  scrollTo(0, 0);
  await loadPage(true);
}

/** Puts newly added images before the newest that are shown, without moving the pictures that the reader sees. */
export async function prependNew(added) {
  const before = images;
  if (!before.length || added > MAX_PREPENDED) return load();
  const answer = await api.search(route.query(), [], Math.max(PAGE, added), null).catch(() => null);
  if (images !== before || isStale()) return;
  const found = answer?.images ?? [];
  // The answer must reach the images that are shown already; otherwise there would be a gap.
  if (!found.some(({ image_id: id }) => indexOf(id) >= 0)) return load();
  const unseen = found.filter(({ image_id: id }) => indexOf(id) < 0);
  images.unshift(...unseen);
  grid.prepend(unseen);
}

/** Caches the images on the page for when the reader comes back. */
function cacheShown() {
  if (!shownEntry || !images.length) return;
  cache.delete(shownEntry);
  cache.set(shownEntry, { images, next, starts, announcement, line, scroll: scrollY });
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value);
}

/** Forgets the results of earlier queries, because the collection or the model has changed. */
export const clearCache = () => cache.clear();

/** Whether the images on the page belong to an earlier address. */
export const isStale = () => shownEntry !== route.entry();

async function loadMore() {
  const first = images.length;
  await loadPage();
  grid.focus(first, { preventScroll: true });
}

async function loadPage(first = false) {
  request.abort();
  const controller = (request = new AbortController());
  // A note is about the query, so it stays while more pages of the query arrive.
  if (first || problem.isError()) problem.clear();
  $("more").disabled = true;
  $("grid").ariaBusy = "true";
  const searchingTimer = setTimeout(() => announce(() => say("searching")), 300);
  try {
    const position = first ? "" : next;
    const answer = await api.search(route.query(), route.files(), PAGE, position, controller.signal);
    if (controller.signal.aborted) return;
    starts.push(position);
    if (first) grid.clear();
    const found = answer.hits ?? answer.images;
    next = answer.next_cursor;
    if (first) showLine(answer.query?.items ?? []);
    // An upload between two pages shifts them, so images that are shown already are left out.
    const unseen = found.filter(({ image_id: id }) => indexOf(id) < 0);
    images.push(...unseen);
    grid.append(unseen);
    announceCount(answer);
    if (first && answer.left_out?.term_count) problem.note(answer.terms.length ? "rare_words" : "no_words", { words: answer.terms.join(" ") });
    onAnswer(answer);
  } catch (error) {
    if (controller.signal.aborted) return;
    if (first) grid.clear();
    announce(() => "");
    // A key that may only search has no newest pictures to see.
    if (api.isBeyondKey(error) && isBlank(route.query())) {
      next = null;
      problem.note("search_only");
    } else problem.show(error, () => loadPage(first));
  } finally {
    clearTimeout(searchingTimer);
    if (!controller.signal.aborted) finishPage();
  }
}

function finishPage() {
  $("more").disabled = false;
  $("more").hidden = next === null;
  $("grid").ariaBusy = "false";
  watchMore();
}

function announceCount({ hits, took_ms: took }) {
  const count = images.length;
  const last = next === null;
  const { text, like, filter } = route.query();
  if (!hits || !(text.trim() || like.length || route.files().length)) {
    const filtered = filterBody(filter) !== null;
    announce(() => say(count ? (filtered ? "newest_filtered" : "newest") : filtered ? "none" : "none_yet"));
  } else {
    const ms = () => number(took.total, took.total < 10 ? 1 : 0);
    announce(() => (count ? say(last ? "hits" : "hits_more", { count: number(count), ms: ms() }) : say("none")));
  }
}

export const indexOf = (id) => images.findIndex((image) => image.image_id === id);
export const at = (index) => images[index];

/** Whether no image follows an index, not even on the next page. */
export const isLast = (index) => index < 0 || (index === images.length - 1 && next === null);

/** Returns the image at an index and loads the next page for it if necessary; undefined past the end. */
export async function imageAt(index) {
  if (index === images.length && next !== null) await loadPage();
  return images[index];
}

/** Removes a deleted image from the page and from the cached results. */
export function remove(id) {
  for (const results of cache.values()) {
    const before = results.images.length;
    results.images = results.images.filter((image) => image.image_id !== id);
    if (results.images.length < before) results.next = beforeLastPage(results);
  }
  const index = indexOf(id);
  if (index < 0) return;
  images.splice(index, 1);
  next = beforeLastPage({ next, starts });
  grid.remove(index);
  grid.focus(Math.min(index, images.length - 1));
}

/** The images behind a removed one have moved up, so the last page is read again before the next; what it shows already is left out. */
const beforeLastPage = ({ next, starts }) => (next === null ? null : (starts.pop() ?? ""));

/** Updates the caption and the tags of an image. */
export function update(image) {
  const index = indexOf(image.image_id);
  if (index < 0) return;
  Object.assign(images[index], { caption: image.caption, tags: image.tags });
  grid.update(index);
}
