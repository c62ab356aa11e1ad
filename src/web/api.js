// The HTTP service, as the page uses it.

import { filterBody } from "./query.js";

const KEY = "mitsuke-api-key";
let askForKey = async () => null;

/** What the service said no with: its problem document, where it sent one. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The API key the page sends, or null. It lives as long as the tab. */
export const key = () => sessionStorage.getItem(KEY);
export const keepKey = (value) => sessionStorage.setItem(KEY, value);

/** Says who asks the reader for an API key: given the key just refused, a promise of another, or null. */
export const onKeyNeeded = (ask) => (askForKey = ask);
export const keyNeeded = (used) => askForKey(used);

/** The header with the key, where there is one. */
export const authorization = (used = key()) => (used ? { Authorization: `Bearer ${used}` } : {});

/** How long to wait before attempt `tries` + 1, in ms: what Retry-After asks for, else longer each time. */
export function delay(retryAfter, tries) {
  const asked = Number(retryAfter) || Math.min(2 ** tries, 10);
  return Math.min(asked, 60) * 1000 * (1 + 0.3 * Math.random());
}

export function pause(ms, signal) {
  return new Promise((done, stop) => {
    signal?.throwIfAborted();
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), stop(signal.reason)), { once: true });
  });
}

/** One request; asks for a key on 401, and waits and tries again while the service is full. */
async function request(path, options = {}) {
  for (let tries = 0; ; tries++) {
    const used = key();
    const response = await fetch(path, { ...options, headers: { ...options.headers, ...authorization(used) } });
    if (response.ok) return response;
    if (response.status === 401) {
      const fresh = await askForKey(used);
      if (fresh) continue;
    } else if (response.status === 503 && tries < 5 && response.headers.has("Retry-After")) {
      await pause(delay(response.headers.get("Retry-After"), tries), options.signal);
      continue;
    }
    throw new Refused(response.status, await response.json().catch(() => ({})));
  }
}

/** Reads JSON; a seed that is no exact JavaScript number stays the text it is. */
export const read = (text) =>
  JSON.parse(text, (name, value, context) =>
    name === "seed" && typeof value === "number" && !Number.isSafeInteger(value) ? (context?.source ?? value) : value);

const json = async (...args) => read(await (await request(...args)).text());
const send = (method, path, value, signal) =>
  json(path, { method, body: JSON.stringify(value), headers: { "Content-Type": "application/json" }, signal });

export const image = (id) => json(`/images/${id}`);
export const setCaption = (id, caption) => send("PATCH", `/images/${id}`, { caption });
export const remove = (id) => request(`/images/${id}`, { method: "DELETE" });

export const models = (signal) => json("/models", { signal });
export const currentModel = () => json("/models/current");
export const useModel = (id, allowPartial) => send("PUT", "/models/current", { model_id: id, allow_partial: allowPartial });
export const startBackfill = (id) => request(`/models/${id}/backfill`, { method: "POST" });
export const retryFailed = (id) => send("POST", `/models/${id}/backfill`, { retry_failed: true });
export const stopBackfill = (id) => request(`/models/${id}/backfill`, { method: "DELETE" });

/** One page of what a query asks for. `file` is the reader's picture, or null; `position` comes from the page before. */
export function find(query, file, limit, position, signal) {
  const text = query.text.trim();
  const filter = filterBody(query.filter);
  const more = { limit, offset: position ?? 0, ...(filter && { filter }) };
  if (file) return byFile(file, { ...more, ...(text && { text }) }, signal);
  if (query.like !== null) return send("POST", "/search/image", { image_id: query.like, ...more, ...(text && { text }) }, signal);
  if (!text && !filter) return newest(limit, position, signal);
  const negative = query.mode === "keyword" || !text ? "" : query.negative.trim();
  const mode = text ? query.mode : "vector";
  return send("POST", "/search/text", { query: text, mode, ...more, ...(negative && { negative_query: negative }) }, signal);
}

function newest(limit, cursor, signal) {
  const query = new URLSearchParams({ limit, ...(cursor && { cursor }) });
  return json(`/images?${query}`, { signal });
}

function byFile(file, parts, signal) {
  const body = new FormData();
  for (const [name, value] of Object.entries(parts)) body.append(name, typeof value === "object" ? JSON.stringify(value) : value);
  body.append("file", file);
  return json("/search/image", { method: "POST", body, signal });
}

/** The bytes at `path`, for pictures that need a key. */
export const blob = async (path, signal) => (await request(path, { signal })).blob();
