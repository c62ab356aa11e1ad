// Loads the results of the query of the address, and announces their number.

import * as api from "./api.js";
import * as chips from "./chips.js";
import { $ } from "./dom.js";
import * as grid from "./grid.js";
import { hitSource } from "./hit-source.js";
import * as problem from "./problem.js";
import { EMPTY, filterBody, isSearch } from "./query.js";
import * as results from "./results.js";
import * as route from "./route.js";
import { number, onLanguageChange, say } from "./say.js";

const PAGE = 16;
const MAX_CACHED = 20;
/** Makes the last announcement, for a change of the language. */
let announcement = () => "";
let request = new AbortController();
/** Results of earlier queries by history entry, so that Back shows them at once and at the same scroll position. */
const cache = new Map();
let shownEntry = null;
let onAnswer = () => {};
/** The items of the query line, as the service has read it. */
let line = [];
let watchMore = () => {};

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

function showLine(items) {
  line = items;
  chips.showLine(items);
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
    request = new AbortController();
    problem.clear();
    results.use(known.source);
    announce(known.announcement);
    showLine(known.line);
    finishPage();
    scrollTo(0, known.scroll);
    return;
  }
  scrollTo(0, 0);
  await loadFirst();
}

/** Loads the results again, because uploads have changed them. */
export const reload = () => loadFirst();

/** Sends the query again after it has failed. */
export const retry = () => loadPage();

/** Caches the results on the page for when the reader comes back. */
function cacheShown() {
  if (!shownEntry || !results.count()) return;
  cache.delete(shownEntry);
  cache.set(shownEntry, { source: results.current(), announcement, line, scroll: scrollY });
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value);
}

/** Forgets the results of earlier queries, because the collection or the model has changed. */
export const clearCache = () => cache.clear();

/** Whether the results on the page belong to an earlier address. */
export const isStale = () => shownEntry !== route.entry();

/** Removes deleted images from the results and from the cached ones. */
export function remove(ids) {
  for (const { source } of cache.values()) if (source !== results.current()) source.remove(ids);
  results.remove(ids);
}

function loadFirst() {
  const [query, files] = [route.query(), route.files()];
  request.abort();
  request = new AbortController();
  // A cached source loads its next page with the request of that time.
  results.use(hitSource((position) => api.search(query, files, PAGE, position, request.signal)));
  return loadPage();
}

async function loadMore() {
  const first = results.count();
  await loadPage();
  grid.focus(first, { preventScroll: true });
}

async function loadPage() {
  const { signal } = request;
  const first = !results.count();
  // A note is about the query, so it stays while more pages of the query arrive.
  if (first || problem.isError()) problem.clear();
  $("more").disabled = true;
  $("grid").ariaBusy = "true";
  const searchingTimer = setTimeout(() => announce(() => say("searching")), 300);
  try {
    const answer = await results.more();
    if (signal.aborted || !answer) return;
    if (first) showLine(answer.query?.items ?? []);
    announceCount();
    if (first && answer.left_out?.term_count) problem.note(answer.terms.length ? "rare_words" : "no_words", { words: answer.terms.join(" ") });
    onAnswer(answer);
  } catch (error) {
    if (!signal.aborted) showFailure(error);
  } finally {
    clearTimeout(searchingTimer);
    if (!signal.aborted) finishPage();
  }
}

function showFailure(error) {
  announce(() => "");
  // A key that may only search has no list of pictures to see.
  if (api.isBeyondKey(error) && !isSearch(route.query(), route.files())) problem.note("search_only");
  else problem.show(error, retry);
}

function finishPage() {
  $("more").disabled = false;
  $("more").hidden = results.isComplete();
  $("grid").ariaBusy = "false";
  watchMore();
}

function announceCount() {
  const count = results.count();
  if (isSearch(route.query(), route.files())) return announce(() => (count ? foundCount() : say("none")));
  const filtered = filterBody(route.query().filter) !== null;
  const newest = isNewestFirst(route.query());
  const known = results.total()?.count ?? count;
  announce(() => {
    if (!count) return say(filtered ? "none" : "none_yet");
    if (newest) return say(filtered ? "newest_filtered" : "newest");
    return say(filtered ? "listed_filtered" : "listed", { count: number(known) });
  });
}

const isNewestFirst = ({ sort, order }) => sort === EMPTY.sort && order === EMPTY.order;

function foundCount() {
  const count = number(results.count());
  if (results.isComplete()) return say("hits", { count });
  const total = results.total();
  return total ? say("hits_more", { count, total: number(total.count) }) : say("hits_top", { count });
}
