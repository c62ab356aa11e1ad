// Loads the results of the query of the address, and announces their number.

import * as api from "./api.js";
import * as chips from "./chips.js";
import { $ } from "./dom.js";
import * as grid from "./grid.js";
import { hitSource } from "./hit-source.js";
import { listSource } from "./list-source.js";
import * as near from "./near.js";
import { withSize } from "./page-size.js";
import * as problem from "./problem.js";
import { EMPTY, filterBody, isSearch } from "./query.js";
import * as results from "./results.js";
import * as route from "./route.js";
import { number, onLanguageChange, say } from "./say.js";

const MAX_CACHED = 20;
/** Makes the last announcement, for a change of the language. */
let announcement = () => "";
let request = new AbortController();
/** Results of earlier queries by history entry, so that Back shows them at once and at the same scroll position. */
const cache = new Map();
/** The history entry whose results are shown, and the one whose results were asked for last. */
let [shownEntry, askedEntry] = [null, null];
let onAnswer = () => {};
/** The query of the results that are shown, and the items of its line, as the service has read it. */
let shown = { query: EMPTY, line: [] };
let watchMore = () => {};

/** Sets up paging. `answer` is called with the service's answer to each search. */
export function setUp(answer) {
  onAnswer = answer;
  $("more").onclick = loadMore;
  // The next page is loaded while three screens are left; after an error only the button does.
  const watcher = new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting && !$("more").hidden && !$("more").disabled && !problem.isError()) loadPage();
  }, { rootMargin: "300%" });
  watcher.observe($("more"));
  watchMore = () => (watcher.unobserve($("more")), watcher.observe($("more")));
  onLanguageChange(() => ($("status").textContent = announcement()));
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
  askedEntry = entry;
  if (!known) return loadFirst();
  begin();
  show(known.source, known);
  announce(known.announcement);
  end();
  if (known.anchor) grid.restore(known.anchor);
}

/** Loads the results again, because uploads have changed them. What the reader sees stays. */
export const reload = () => loadFirst({ anchor: grid.anchor() });

/** Sends the query again after it has failed. */
export const retry = () => loadFirst();

/** Caches the results on the page for when the reader comes back. */
function cacheShown() {
  if (!shownEntry || !results.count()) return;
  cache.delete(shownEntry);
  cache.set(shownEntry, { source: results.current(), announcement, ...shown, anchor: grid.anchor() });
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value);
}

/** Forgets the results of earlier queries, because the collection or the model has changed. */
export const clearCache = () => cache.clear();

/** Whether the address asks for other results than those that were asked for last. */
export const isStale = () => askedEntry !== route.entry();

/** Removes deleted images from the results and from the cached ones. */
export function remove(ids) {
  for (const { source } of cache.values()) if (source !== results.current()) source.remove(ids);
  results.remove(ids);
}

/** Begins a query: ends the one before and forgets its errors. */
function begin() {
  request.abort();
  request = new AbortController();
  problem.clear();
  near.setBusy(true);
  $("more").disabled = true;
  return request.signal;
}

/** Ends a query, whether it has an answer or not. */
function end() {
  near.setBusy(false);
  $("more").disabled = false;
  $("more").hidden = results.isComplete();
  watchMore();
}

/** Shows the results of a source in place of those before. */
function show(source, { query, line, anchor = null }) {
  [shownEntry, shown] = [askedEntry, { query, line }];
  grid.setOld(false);
  chips.showLine(line);
  if (!anchor) scrollTo(0, 0);
  results.use(source);
}

/** Asks for the first results. Those before stay until there is an answer. */
async function loadFirst({ anchor = null } = {}) {
  const [query, files] = [route.query(), route.files()];
  const signal = begin();
  const searching = setTimeout(() => announce(() => say("searching")), 300);
  try {
    const { source, answer } = await (isSearch(query, files) ? searched(query, files, signal) : listed(query, signal));
    if (signal.aborted) return;
    show(source, { query, line: answer.query?.items ?? [], anchor });
    if (anchor) grid.restore(anchor);
    announceCount();
    if (answer.left_out?.term_count) problem.note(answer.terms.length ? "rare_words" : "no_words", { words: answer.terms.join(" ") });
    onAnswer(answer);
  } catch (error) {
    if (!signal.aborted) showFailure(error, retry);
  } finally {
    clearTimeout(searching);
    if (!signal.aborted) end();
  }
  if (!signal.aborted) loadRest();
}

async function searched(query, files, signal) {
  // A cached source loads its next page with the request of that time.
  const source = hitSource((position) => withSize((size) => api.search(query, files, size, position, request.signal)));
  const answer = await source.more();
  // A line of fields alone ranks nothing, and a list of any length scrolls better.
  if (answer.query?.text !== "" || signal.aborted) return { source, answer };
  return { ...(await listed(query, signal)), answer };
}

async function listed(query, signal) {
  const answer = await api.layout(query, null, signal);
  return { source: listSource(answer, (position) => api.layout(query, position, request.signal)), answer };
}

/** Loads the rest of a list, whose shapes take few bytes. The hits of a search wait for the reader. */
async function loadRest() {
  while (!results.isRanked() && !results.isComplete() && !problem.isError()) await loadPage();
}

async function loadMore() {
  const first = results.count();
  await loadPage();
  grid.focus(first, { preventScroll: true });
}

async function loadPage() {
  const { signal } = request;
  // A note is about the query, so it stays while more pages of the query arrive.
  if (problem.isError()) problem.clear();
  $("more").disabled = true;
  near.setBusy(true);
  try {
    const answer = await results.more();
    if (signal.aborted || !answer) return;
    announceCount();
    if (results.isRanked()) onAnswer(answer);
  } catch (error) {
    if (!signal.aborted) showFailure(error, loadPage);
  } finally {
    if (!signal.aborted) end();
  }
}

function showFailure(error, again) {
  const query = route.query();
  // A key that may only search has no list of pictures to see.
  const isBeyond = api.isBeyondKey(error) && !isSearch(query, route.files());
  if (isBeyond) problem.note("search_only");
  else problem.show(error, again);
  if (shownEntry === askedEntry) return announceCount();
  grid.setOld(results.count() > 0);
  const { text } = shown.query;
  announce(() => (!results.count() ? "" : text ? say("still_showing", { query: text }) : say("still_showing_list")));
}

function announceCount() {
  const { query } = shown;
  const count = results.count();
  if (results.isRanked()) return announce(() => (count ? foundCount() : say("none")));
  const isFiltered = filterBody(query.filter) !== null || query.text.trim() !== "";
  const { count: all, exact } = results.total();
  const values = { count: number(all) };
  announce(() => {
    if (!count) return say(isFiltered ? "none" : "none_yet");
    if (results.isComplete() && count < all) return say("listed_cut", { count: number(count) });
    return say(!exact ? "listed_at_least" : isFiltered ? "listed_filtered" : "listed", values);
  });
}

function foundCount() {
  const count = number(results.count());
  if (results.divider() === 0) return say("none_good");
  if (results.isComplete()) return say("hits", { count });
  const total = results.total();
  return total ? say("hits_more", { count, total: number(total.count) }) : say("hits_top", { count });
}
