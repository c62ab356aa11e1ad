// Uploads one picture. It uses XMLHttpRequest, because fetch does not report the progress of a body.

import { ApiError, authorization, key, parseJson, promptForKey, retryDelay, wait } from "./api.js";

const MAX_NETWORK_TRIES = 3;

/**
 * Uploads a file and returns {status: "created" | "known" | "rejected", image?, problem?}. Waits and tries again as long
 * as the service is busy. `tell(state, share)` is called with the progress: "sending" with the share sent (0 to 1),
 * "working", "busy".
 */
export async function send(file, onProgress, signal) {
  for (let tries = 0, networkFailures = 0; ; tries++) {
    const usedKey = key();
    let answer;
    try {
      answer = await post(file, usedKey, onProgress, signal);
    } catch (error) {
      if (signal.aborted || ++networkFailures >= MAX_NETWORK_TRIES) throw error;
      onProgress("busy");
      await wait(retryDelay(null, networkFailures), signal);
      continue;
    }
    const { status, body, retryAfter } = answer;
    if (status === 200 || status === 201) return body.images[0];
    if (status === 401 && (await promptForKey(usedKey))) continue;
    if ((status === 503 || status === 429) && retryAfter !== null) {
      onProgress("busy");
      await wait(retryDelay(retryAfter, tries), signal);
      continue;
    }
    throw new ApiError(status, body);
  }
}

function post(file, usedKey, onProgress, signal) {
  return new Promise((done, fail) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", "images");
    for (const [name, value] of Object.entries(authorization(usedKey))) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress("sending", total ? loaded / total : 0);
    request.upload.onload = () => onProgress("working");
    request.onload = () => done({ status: request.status, body: parseOrEmpty(request.responseText), retryAfter: request.getResponseHeader("Retry-After") });
    request.onerror = () => fail(new TypeError("the server does not answer"));
    request.onabort = () => fail(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    const form = new FormData();
    form.append("file", file);
    onProgress("sending", 0);
    request.send(form);
  });
}

function parseOrEmpty(text) {
  try {
    return parseJson(text);
  } catch {
    return {};
  }
}
