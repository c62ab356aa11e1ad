// Uploads one picture. It uses XMLHttpRequest, because fetch does not report the progress of a body.

import { Refused, authorization, delay, key, keyNeeded, pause, read } from "./api.js";

const NETWORK_TRIES = 3;

/**
 * Uploads a file and returns {status: "created" | "known" | "rejected", image?, problem?}. Waits and tries again as long
 * as the service is busy. `tell(state, share)` is called with the progress: "sending" with the share sent (0 to 1),
 * "working", "busy".
 */
export async function send(file, tell, signal) {
  for (let tries = 0, broken = 0; ; tries++) {
    const used = key();
    let answer;
    try {
      answer = await post(file, used, tell, signal);
    } catch (error) {
      if (signal.aborted || ++broken >= NETWORK_TRIES) throw error;
      tell("busy");
      await pause(delay(null, broken), signal);
      continue;
    }
    const { status, body, retryAfter } = answer;
    if (status === 200 || status === 201) return body.images[0];
    if (status === 401 && (await keyNeeded(used))) continue;
    if ((status === 503 || status === 429) && retryAfter !== null) {
      tell("busy");
      await pause(delay(retryAfter, tries), signal);
      continue;
    }
    throw new Refused(status, body);
  }
}

function post(file, used, tell, signal) {
  return new Promise((done, fail) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", "/images");
    for (const [name, value] of Object.entries(authorization(used))) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => tell("sending", total ? loaded / total : 0);
    request.upload.onload = () => tell("working");
    request.onload = () => done({ status: request.status, body: parsed(request.responseText), retryAfter: request.getResponseHeader("Retry-After") });
    request.onerror = () => fail(new TypeError("the server does not answer"));
    request.onabort = () => fail(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    const form = new FormData();
    form.append("file", file);
    tell("sending", 0);
    request.send(form);
  });
}

function parsed(text) {
  try {
    return read(text);
  } catch {
    return {};
  }
}
