// Changes and deletions of many images, in requests of as many as the service takes.

import * as api from "./api.js";
import { sentences, sentencesOf } from "./problem.js";

const MOST = 1000;

/** Deletes images. Returns what `inParts` returns. */
export const removeAll = (ids, signal, tell) => inParts(ids, (part) => api.removeMany(part, signal), signal, tell);

/** Makes one change to images. Returns what `inParts` returns. */
export const changeAll = (ids, change, signal) => inParts(ids, (part) => api.changeMany(part, change, signal), signal);

/**
 * Sends the ids in parts, calls `tell(count)` with the number of those before each part, and returns {done, failed, reason}: the ids that worked or no longer exist, those that did not,
 * and the sentence of the first problem. A request that fails ends the work, and what was done before stays done.
 */
async function inParts(ids, send, signal, tell = () => {}) {
  const [done, failed] = [[], []];
  let reason = "";
  for (let at = 0; at < ids.length; at += MOST) {
    const part = ids.slice(at, at + MOST);
    tell(at);
    try {
      for (const { image_id: id, problem } of (await send(part)).items) {
        const works = !problem || problem.code === "image_not_found";
        (works ? done : failed).push(id);
        if (!works) reason ||= sentencesOf(problem)[0];
      }
    } catch (error) {
      if (!signal?.aborted) reason ||= sentences(error)[0];
      failed.push(...ids.slice(at));
      break;
    }
  }
  return { done, failed, reason };
}
