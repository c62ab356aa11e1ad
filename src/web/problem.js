// Shows errors, first in the reader's language and then in the service's own words.

import { ApiError, isBeyondKey, key, promptForKey } from "./api.js";
import { $, make } from "./dom.js";
import { ENGLISH } from "./languages.js";
import { hasText, language, onLanguageChange, say } from "./say.js";

let shown = null;
onLanguageChange(() => shown && fill());

/** Returns the sentences for an error: [the kind of error, the service's own words or ""]. */
export function sentences(error) {
  if (!(error instanceof ApiError)) return [say("offline"), ""];
  const word = `problem_${error.problem.code}`;
  return describe(hasText(word) ? say(word, valuesOf(error.problem)) : "", error.message);
}

/** Returns the sentences for a problem document that is part of an answer. */
export function sentencesOf(problem) {
  const { code, detail, title } = problem;
  return describe(hasText(`problem_${code}`) ? say(`problem_${code}`, valuesOf(problem)) : "", detail ?? title ?? "");
}

/** The values that the sentence for a problem names. */
function valuesOf({ found }) {
  return { found: say(hasText(`found_${found}`) ? `found_${found}` : "found_unknown") };
}

/** Whether the same request may succeed when it is sent again. */
export function isRetryable(error) {
  return true;
}

/** Chooses the sentences for the reader. The service speaks English, so an English reader needs its own words only. */
const describe = (known, serviceText) => (language() === ENGLISH && serviceText ? [serviceText, ""] : known ? [known, serviceText] : [serviceText, ""]);

/** Makes nodes of sentences and marks those of the service as English. */
export function nodes([first, serviceText]) {
  return serviceText ? [first, " ", make("span", { lang: ENGLISH.code, className: "own", textContent: serviceText })] : [first];
}

/** Shows an error above the pictures, with a button that tries again. */
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
  const text = make("p", {}, ...(word ? [say(word, values)] : nodes(sentences(error))));
  const actions = make("div", { className: "actions" });
  if (error?.status === 401 || isBeyondKey(error)) {
    const enter = async () => (await promptForKey(key(), error.status === 401)) && retry?.();
    actions.append(make("button", { type: "button", textContent: say("enter_key"), onclick: enter }));
  } else if (retry) {
    actions.append(make("button", { type: "button", textContent: say("retry"), onclick: retry }));
  }
  const id = error?.problem?.request_id;
  if (id && error.status >= 500) actions.append(make("small", { textContent: say("request_id", { id }) }));
  $("error").replaceChildren(text, actions);
  $("error").hidden = false;
}
