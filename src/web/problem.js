// Shows errors in the reader's language, with what the reader can do.

import { ApiError, isBeyondKey, key, promptForKey } from "./api.js";
import { $, make } from "./dom.js";
import { ENGLISH } from "./languages.js";
import { hasText, language, number, onLanguageChange, say } from "./say.js";

/** Answers after which the same request may succeed: sent too slowly, or too many requests. */
const RETRYABLE = [408, 429];

let shown = null;
onLanguageChange(() => shown && fill());
addEventListener("online", retryOffline);
addEventListener("visibilitychange", () => document.visibilityState === "visible" && navigator.onLine && retryOffline());

/** Repeats what failed because the server could not be reached. */
function retryOffline() {
  if (shown?.error && !isAnswer(shown.error)) shown.retry?.();
}

/** Whether the service has answered. Any other error means that it could not be reached. */
const isAnswer = (error) => error instanceof ApiError;

/** Whether the same request may succeed when it is sent again. */
export const isRetryable = (error) => !isAnswer(error) || error.status >= 500 || RETRYABLE.includes(error.status);

/** Returns the sentences for an error: [the sentence for the reader, details in the service's own words or ""]. */
export const sentences = (error) => (isAnswer(error) ? sentencesOf({ detail: error.message, ...error.problem }) : [say("offline"), ""]);

/** Returns the sentences for a problem document that is part of an answer. */
export function sentencesOf(problem) {
  const { code, detail, title } = problem;
  const own = detail ?? title ?? "";
  const known = hasText(`problem_${code}`) ? say(`problem_${code}`, valuesOf(problem)) : "";
  // The service speaks English, so an English reader needs its own words only.
  if (language() === ENGLISH && own) return [own, ""];
  return known ? [known, own] : [own, ""];
}

/** The values that the sentence for a problem names. */
const valuesOf = ({ found, limit, retry_after: seconds }) => ({
  found: say(hasText(`found_${found}`) ? `found_${found}` : "found_unknown"),
  limit: Number.isFinite(limit) ? number(limit) : limit,
  retry_after: seconds,
});

/** Makes nodes of sentences. The words of the service are English and open on request. */
export const nodes = ([first, details]) => (details ? [first, " ", disclosure(make("p", { lang: ENGLISH.code, textContent: details }))] : [first]);

const disclosure = (...content) => make("details", { className: "own" }, make("summary", { textContent: say("details") }), ...content);

/** Shows an error above the pictures. When the same may succeed later, a button calls `retry`. */
export function show(error, retry) {
  shown = { error, retry };
  fill();
}

/** Shows a note of the page itself above the pictures. */
export function note(word, values) {
  shown = { word, values };
  fill();
}

/** Whether an error is shown, not only a note. */
export const isError = () => Boolean(shown?.error);

export function clear() {
  shown = null;
  $("error").hidden = true;
  $("error").replaceChildren();
}

function fill() {
  const { error, retry, word, values } = shown;
  const content = word ? [make("p", { textContent: say(word, values) })] : errorNodes(error, retry);
  $("error").replaceChildren(...content);
  $("error").hidden = false;
}

function errorNodes(error, retry) {
  const [sentence, details] = sentences(error);
  const again = retry && !isAnswer(error) ? ` ${say("offline_again")}` : "";
  const id = error.problem?.request_id;
  const more = [
    details && make("p", { lang: ENGLISH.code, textContent: details }),
    id && error.status >= 500 && make("p", { textContent: say("request_id", { id }) }),
  ].filter(Boolean);
  const button = actionOf(error, retry);
  return [
    make("p", { textContent: sentence + again }),
    ...(more.length ? [disclosure(...more)] : []),
    ...(button ? [make("div", { className: "actions" }, button)] : []),
  ];
}

function actionOf(error, retry) {
  const button = (word, onclick) => make("button", { type: "button", textContent: say(word), onclick });
  if (error.status === 401 || isBeyondKey(error)) {
    return button("enter_key", async () => (await promptForKey(key(), error.status === 401)) && retry?.());
  }
  return retry && isRetryable(error) ? button("retry", retry) : null;
}
