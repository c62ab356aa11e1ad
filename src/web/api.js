// The HTTP service, as the page uses it.

const KEY = "mitsuke-api-key";
let askForKey = null;

/** What the service (or the network) said no with; the message can be shown. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Says who asks the reader for an API key: a function that gives a promise of one. */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** One request; asks for a key on 401, and waits and tries again while the service is full. */
async function request(path, options = {}, onBusy = () => {}) {
  for (let tries = 0; ; tries++) {
    const used = key();
    const headers = { ...options.headers, ...(used && { Authorization: `Bearer ${used}` }) };
    const response = await fetch(path, { ...options, headers });
    if (response.ok) return response;
    if (response.status === 401 && askForKey) {
      const fresh = await askForKey(used);
      if (fresh) {
        sessionStorage.setItem(KEY, fresh);
        continue;
      }
    }
    if (response.status === 503 && tries < 20 && response.headers.has("Retry-After")) {
      onBusy();
      await pause(Math.min(Number(response.headers.get("Retry-After")) || 1, 10) * 1000 * (0.8 + 0.4 * Math.random()));
      options.signal?.throwIfAborted();
      continue;
    }
    const problem = await response.json().catch(() => ({}));
    throw new Refused(response.status, problem.detail || problem.title || `HTTP ${response.status}`);
  }
}

const json = async (...args) => (await request(...args)).json();
const post = (path, value, signal) =>
  json(path, { method: "POST", body: JSON.stringify(value), headers: { "Content-Type": "application/json" }, signal });

export const currentModel = () => json("/models/current");
export const image = (id) => json(`/images/${id}`);
export const remove = (id) => request(`/images/${id}`, { method: "DELETE" });

/** A page of the newest images; `cursor` comes from the page before. */
export function newest(limit, cursor, signal) {
  const query = new URLSearchParams({ limit, ...(cursor && { cursor }) });
  return json(`/images?${query}`, { signal });
}

export const searchText = (query, mode, limit, offset, signal) =>
  post("/search/text", { query, mode, limit, offset }, signal);

/** Relatives of a stored image (an id) or of a picture at hand (a File). */
export function searchImage(source, text, limit, offset, signal) {
  const more = { limit, offset, ...(text && { text }) };
  if (!(source instanceof Blob)) return post("/search/image", { image_id: source, ...more }, signal);
  const body = new FormData();
  for (const [name, value] of Object.entries(more)) body.append(name, value);
  body.append("file", source);
  return json("/search/image", { method: "POST", body, signal });
}

/** Stores one picture; gives {status, image?, problem?}. */
export async function upload(file, onBusy) {
  const body = new FormData();
  body.append("file", file);
  const answer = await json("/images", { method: "POST", body }, onBusy);
  return answer.images[0];
}

/** Shows a picture that the reader has in an img. */
export function showFile(img, file) {
  if (img.src.startsWith("blob:")) URL.revokeObjectURL(img.src);
  img.dataset.path = "";
  img.src = URL.createObjectURL(file);
}

/** Shows the picture at `path` in an img. With an API key the page has to fetch it itself. */
export async function show(img, path) {
  if (img.src.startsWith("blob:")) URL.revokeObjectURL(img.src);
  img.dataset.path = path;
  if (!hasKey()) {
    img.src = path;
    return;
  }
  img.removeAttribute("src");
  const url = await blobUrl(path).catch(() => path);
  if (img.dataset.path === path) img.src = url;
  else URL.revokeObjectURL(url);
}

/** The API key the page sends, or null. */
export const key = () => sessionStorage.getItem(KEY);
export const hasKey = () => key() !== null;

/** The picture at `path` as an address inside this page; revoke it after use. */
export const blobUrl = async (path) => URL.createObjectURL(await (await request(path)).blob());
