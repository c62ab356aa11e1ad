// Suggestions under the search field for the word that is being typed.

import * as api from "./api.js";
import { $, make } from "./dom.js";
import { number, say } from "./say.js";

const MOST = 5;
/** The wait in ms after the last key, so that a fast typist asks once. */
const PAUSE = 150;

let options = [];
let active = -1;
let timer = 0;
let request = new AbortController();
/** True while an input method converts. Then its own list of candidates is open, and its keys are not ours. */
let composing = false;

export function setUp() {
  const field = $("query");
  field.addEventListener("compositionstart", () => ((composing = true), close()));
  field.addEventListener("compositionend", () => ((composing = false), askSoon()));
  field.addEventListener("input", (event) => composing || event.isComposing || askSoon());
  field.addEventListener("keydown", press);
  field.addEventListener("blur", close);
  $("search").addEventListener("submit", close);
  // The field keeps the focus while an option is clicked.
  $("suggestions").addEventListener("pointerdown", (event) => event.preventDefault());
}

/**
 * Adds suggestions to another field, below which the list of its aria-controls stands. `kinds` are those of the service,
 * with commas between them; `take(suggestion)` is called for the chosen one.
 */
export function attach(field, { kinds, take }) {}

/** Removes the list, and forgets an answer that is still under way. */
export function close() {
  clearTimeout(timer);
  request.abort();
  options = [];
  show();
}

/** The part of the line that ends at the caret and has no white space: where it begins, its minus and field, and its text. */
function typed() {
  const { value, selectionStart: end, selectionEnd } = $("query");
  if (end !== selectionEnd || /^[^\s　]/.test(value.slice(end))) return null;
  const before = value.slice(0, end);
  if ((before.match(/["“”„]/g) ?? []).length % 2) return null;
  const [, head, text] = /(?:^|[\s　"“”„])([-－−]?(?:tag[:：])?)([^\s　"“”„]*)$/i.exec(before) ?? [];
  return text ? { start: end - head.length - text.length, end, head, text } : null;
}

function askSoon() {
  close();
  timer = setTimeout(askNow, PAUSE);
}

async function askNow() {
  const word = typed();
  if (!word) return;
  const controller = (request = new AbortController());
  const kinds = /tag/i.test(word.head) ? "tag" : "tag,word,file_name";
  // A suggestion is a help and no more: an error shows none.
  const found = await api.suggestions(word.text, kinds, MOST, controller.signal).catch(() => null);
  if (!found || controller.signal.aborted || composing || document.activeElement !== $("query")) return;
  options = found.suggestions.filter(({ query }) => query !== null);
  show();
}

function show() {
  active = -1;
  const kind = (option) => make("span", { className: "soft", textContent: say("suggestion_kind_" + option.kind, { count: number(option.count) }) });
  const item = (option, index) => {
    const line = make("li", { id: `suggestion-${index}`, role: "option", ariaSelected: "false", onclick: () => take(option) });
    line.append(make("span", { textContent: option.text }), kind(option));
    return line;
  };
  $("suggestions").replaceChildren(...options.map(item));
  $("suggestions").hidden = !options.length;
  $("query").ariaExpanded = String(options.length > 0);
  $("query").removeAttribute("aria-activedescendant");
}

function select(index) {
  active = index;
  [...$("suggestions").children].forEach((item, at) => (item.ariaSelected = String(at === index)));
  if (index < 0) return $("query").removeAttribute("aria-activedescendant");
  $("query").setAttribute("aria-activedescendant", `suggestion-${index}`);
  $("suggestions").children[index].scrollIntoView({ block: "nearest" });
}

function press(event) {
  if (composing || event.isComposing || event.keyCode === 229 || !options.length) return;
  const count = options.length + 1;
  if (event.key === "ArrowDown") select(((active + 2) % count) - 1);
  else if (event.key === "ArrowUp") select(((active + count) % count) - 1);
  else if (event.key === "Escape") close();
  else if (event.key === "Enter" && active >= 0) take(options[active]);
  else if (event.key === "Enter") return close();
  else return;
  event.preventDefault();
}

/** Puts a suggestion in the place of the word. */
function take({ query }) {
  const word = typed();
  close();
  if (!word) return;
  const minus = /^[-－−]/.test(word.head) ? "-" : "";
  const text = `${minus}${query} `;
  $("query").setRangeText(text, word.start, word.end, "end");
  $("query").dispatchEvent(new Event("change"));
}
