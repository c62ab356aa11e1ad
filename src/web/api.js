// Calls of the HTTP service. Paths are relative to the page, which may lie under the prefix of a proxy.

import { filterBody, filterParameters, similarityCutoffs, sortParameters, weights } from "./query.js";

/** The name of the key in the browser's storage. Pages below other prefixes of the same host have keys of their own. */
const STORAGE_KEY = `mitsuke-api-key:${new URL("./", location.href).pathname}`;
/** The key where the browser's storage is switched off. */
let keyOfPage = null;
/** The answers after which the same request may be sent again: too many requests, and a service that is busy. */
const RETRIED = [429, 503];
let keyPrompt = async () => null;

/** An error answer of the service, with its problem document when it sent one. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The storage of the tab and that of the device, or none when they are switched off. */
function storages() {
  try {
    return [sessionStorage, localStorage];
  } catch {
    return [];
  }
}

/** The API key that the page sends, or null. */
export const key = () => storages().map((storage) => storage.getItem(STORAGE_KEY)).find(Boolean) ?? keyOfPage;

/** Keeps a key until the tab is closed or, with `remember`, on this device. */
export function storeKey(value, remember) {
  const [tab, device] = storages();
  if (!tab) return void (keyOfPage = value);
  tab.removeItem(STORAGE_KEY);
  (remember ? device : tab).setItem(STORAGE_KEY, value);
}

/** Forgets the given key, or every key. */
export function forgetKey(value = null) {
  keyOfPage = null;
  for (const storage of storages()) if (value === null || storage.getItem(STORAGE_KEY) === value) storage.removeItem(STORAGE_KEY);
}

/** Sets the function that asks the reader for an API key. It gets the key that was used and whether the service does not know it, and returns a promise of a new one, or of null. */
export const setKeyPrompt = (ask) => (keyPrompt = ask);
export const promptForKey = (usedKey, isWrong = true) => keyPrompt(usedKey, isWrong);

/** The request header with the key, or no header when there is no key. */
export const authorization = (usedKey = key()) => (usedKey ? { Authorization: `Bearer ${usedKey}` } : {});

/** Time in ms to wait before attempt `tries` + 1: as long as Retry-After says, else longer with each attempt. */
export function retryDelay(retryAfter, tries) {
  const asked = Number(retryAfter) || Math.min(2 ** tries, 10);
  return Math.min(asked, 60) * 1000 * (1 + 0.3 * Math.random());
}

export function wait(ms, signal) {
  return new Promise((done, stop) => {
    signal?.throwIfAborted();
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), stop(signal.reason)), { once: true });
  });
}

/** Hides what the key may not do: the style sheet looks at the scope of the page. Without a key there is no scope. */
export function noteScope(scope) {
  if (scope === null) delete document.documentElement.dataset.scope;
  else document.documentElement.dataset.scope = scope;
}

/** Whether the service refuses a call because the key may not do it. */
export const isBeyondKey = (error) => error instanceof ApiError && error.problem.code === "key_scope";

/** Sends a request. Asks the reader for a key on 401, and waits and tries again up to five times while the service is full or the key has sent too many requests. `note` is called with the scope of the key. */
async function request(path, options = {}, note = noteScope) {
  for (let tries = 0; ; tries++) {
    const usedKey = key();
    const response = await fetch(path, { ...options, headers: { ...options.headers, ...authorization(usedKey) } });
    note(response.headers.get("X-Key-Scope"));
    if (response.ok) return response;
    if (response.status === 401) {
      const newKey = await promptForKey(usedKey);
      if (newKey) continue;
    } else if (RETRIED.includes(response.status) && tries < 5 && response.headers.has("Retry-After")) {
      await wait(retryDelay(response.headers.get("Retry-After"), tries), options.signal);
      continue;
    }
    throw new ApiError(response.status, await response.json().catch(() => ({})));
  }
}

/** Parses JSON. A seed that a JavaScript number cannot hold exactly becomes a string of its digits. */
export const parseJson = (text) =>
  JSON.parse(text, (name, value, context) =>
    name === "seed" && typeof value === "number" && !Number.isSafeInteger(value) ? (context?.source ?? value) : value);

const requestJson = async (...args) => parseJson(await (await request(...args)).text());
const sendJson = (method, path, value, signal) =>
  requestJson(path, { method, body: JSON.stringify(value), headers: { "Content-Type": "application/json" }, signal });

export const image = (id) => requestJson(`images/${id}`);
/** Changes texts of an image: {caption}, {tags}. */
export const change = (id, texts) => sendJson("PATCH", `images/${id}`, texts);
export const remove = (id) => request(`images/${id}`, { method: "DELETE" });

/** Gets a part of the report of near-duplicates: images of similarity `least` or more; `cursor` comes from the part before. */
export function duplicates(minSimilarity, cursor, signal) {
  const query = new URLSearchParams({ min_similarity: minSimilarity, limit: 16, ...(cursor !== null && { cursor }) });
  return requestJson(`images/duplicates?${query}`, { signal });
}

export const models = (signal) => requestJson("models", { signal });
export const currentModel = () => requestJson("models/current");
export const useModel = (id, allowPartial) => sendJson("PUT", "models/current", { model_id: id, allow_partial: allowPartial });
export const refreshModels = () => request("models/refresh", { method: "POST" });
export const startBackfill = (id) => request(`models/${id}/backfill`, { method: "POST" });
export const retryFailed = (id) => sendJson("POST", `models/${id}/backfill`, { retry_failed: true });
export const stopBackfill = (id) => request(`models/${id}/backfill`, { method: "DELETE" });

/** Gets one page of a query's results. `files` are the reader's own pictures; `position` comes from the page before. */
export function search(query, files, limit, position, signal) {
  const [text, negative] = [query.text.trim(), query.negative.trim()];
  const filter = filterBody(query.filter);
  const page = { limit, ...(position && { cursor: position }) };
  const vectorOptions = { ...similarityCutoffs(query.filter), ...(negative && { negative_query: negative }) };
  if (files.length || query.like.length) {
    const parts = { ...page, ...(filter && { filter }), ...vectorOptions, ...(text && { text }), ...weights(query.filter, ["text", "negative"]) };
    return searchByPictures(files, query.like, parts, signal);
  }
  if (!text) return list(query, limit, position, signal);
  // Options of the vector search apply only when a text is compared by meaning.
  const { keyword, negative: away } = weights(query.filter, ["keyword", "negative"]).weights ?? {};
  const given = { ...vectorOptions, ...(keyword !== undefined && { keyword_weight: keyword }), ...(away !== undefined && { negative_weight: away }) };
  const vector = query.mode === "keyword" ? {} : given;
  const parameters = new URLSearchParams({ q: text, mode: query.mode, ...page, ...vector, ...filterParameters(query.filter) });
  return requestJson(`search?${parameters}`, { signal });
}

/** Gets suggestions of some kinds for the beginning of a word. */
export const suggestions = (prefix, kinds, limit, signal) =>
  requestJson(`suggestions?${new URLSearchParams({ prefix, kinds, limit })}`, { signal });

/** Gets one page of the images that pass the filter, in the order of the query. */
export function list(query, limit, cursor, signal) {
  const page = { limit, ...(cursor && { cursor }) };
  return requestJson(`images?${new URLSearchParams({ ...page, ...sortParameters(query), ...filterParameters(query.filter) })}`, { signal });
}

/**
 * Gets the shapes and days of the images that pass the fields of the query line and the filter, in the order of the
 * query. `position` is {cursor, random_seed} of the part before, or null.
 */
export function layout(query, position, signal) {
  const text = query.text.trim();
  const { cursor, random_seed: seed } = position ?? {};
  const parameters = {
    ...(text && { q: text }), ...(cursor && { cursor }), ...(seed != null && { random_seed: seed }), ...sortParameters(query),
    ...filterParameters(query.filter),
  };
  return requestJson(`images/layout?${new URLSearchParams(parameters)}`, { signal });
}

/** Gets images by their ids, 200 at most: {images, unknown}. `maxTextChars` shortens their texts further than the service does. */
export const imagesByIds = (ids, maxTextChars, signal) =>
  sendJson("POST", "images/get", { image_ids: ids, ...(maxTextChars && { max_text_chars: maxTextChars }) }, signal);

/** Changes many images, 1,000 at most: {caption}, {add_tags, remove_tags} … Returns the answer of each image. */
export const changeMany = (ids, change, signal) => sendJson("POST", "images/update", { image_ids: ids, change }, signal);

/** Deletes many images, 1,000 at most. Returns the answer of each image. */
export const removeMany = (ids, signal) => sendJson("POST", "images/delete", { image_ids: ids }, signal);

/** Gets a ZIP with the originals of images, 1,000 at most. */
export async function archive(ids, signal) {
  const options = { method: "POST", body: JSON.stringify({ image_ids: ids }), headers: { "Content-Type": "application/json" }, signal };
  return (await request("images/archive", options)).blob();
}

/** Counts the values of facets among the images that pass the line and the filter. `fields` names the facets, or is null for all. */
export function facets({ text, filter }, fields, limit, signal) {
  const line = text.trim();
  const parameters = { limit, ...(fields && { fields: fields.join() }), ...(line && { q: line }), ...filterParameters(filter) };
  return requestJson(`facets?${new URLSearchParams(parameters)}`, { signal });
}

/** Searches by the reader's pictures and stored images together. */
function searchByPictures(files, ids, parts, signal) {
  if (!files.length) return sendJson("POST", "search/image", { image_ids: ids, ...parts }, signal);
  const body = new FormData();
  for (const [name, value] of Object.entries(parts)) body.append(name, typeof value === "object" ? JSON.stringify(value) : value);
  for (const id of ids) body.append("image_ids", id);
  for (const file of files) body.append("file", file);
  return requestJson("search/image", { method: "POST", body, signal });
}

/** Gets the bytes of a picture at `path`. The browser may have kept them since the reader had another key, so that they tell no scope. */
export const blob = async (path, signal) => (await request(path, { signal }, () => {})).blob();
