// Suggestions under a field for the word that is being typed.

import * as api from "./api.js";
import { $, make } from "./dom.js";
import { number, say } from "./say.js";

const MOST = 5;
/** The wait in ms after the last key, so that a fast typist asks once. */
const PAUSE = 150;
/** The facets that complete the value of a field of the query line, by the field's name there. */
const FACETS = { checkpoint: "checkpoint", lora: "lora", sampler: "sampler", camera: "camera", in: "folder" };
/** How long in ms the values of a facet serve before they are asked for again. */
const FRESH = 60_000;

const folded = (text) => text.normalize("NFKC").toLowerCase();
let main = { close() {} };

/** Sets up the suggestions of the search field. */
export function setUp() {
  main = combobox($("query"), { word: wordOfLine, ask: suggestionsOfLine, take: takeIntoLine });
  $("search").addEventListener("submit", main.close);
}

/** Removes the list of the search field, and forgets an answer that is still under way. */
export const close = () => main.close();

/**
 * Adds suggestions to another field, below which the list of its aria-controls stands. The field may hold several values
 * with commas between them. `kinds` are those of the service, with commas between them, and `isWanted()` may keep the list
 * away. `take(suggestion, word)` is called for the chosen one; `word` has the start and the end of the text that it completes.
 */
export function attach(field, { kinds, take, isWanted = () => true }) {
  const word = () => {
    const { value, selectionStart: end } = field;
    const [text] = /[^,，、]*$/.exec(value.slice(0, end));
    return text.trim() && end === value.length && isWanted() ? { start: end - text.trimStart().length, end, text: text.trim() } : null;
  };
  const ask = async ({ text }, signal) => (await api.suggestions(text, kinds, MOST, signal)).suggestions;
  combobox(field, { word, ask, take });
}

/**
 * Makes a field a combo box. `word()` is the word at the caret or null, `ask(word, signal)` returns a promise of its
 * suggestions, and `take(suggestion, word)` puts the chosen one into the field.
 */
function combobox(field, { word, ask, take }) {
  const list = $(field.getAttribute("aria-controls"));
  const idOf = (index) => `${list.id.replace(/s$/, "")}-${index}`;
  let options = [];
  let active = -1;
  let timer = 0;
  let request = new AbortController();
  /** True while an input method converts. Then its own list of candidates is open, and its keys are not ours. */
  let composing = false;

  field.addEventListener("compositionstart", () => ((composing = true), close()));
  field.addEventListener("compositionend", () => ((composing = false), askSoon()));
  field.addEventListener("input", (event) => composing || event.isComposing || askSoon());
  field.addEventListener("keydown", press);
  field.addEventListener("blur", close);
  // The field keeps the focus while an option is clicked.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  globalThis.visualViewport?.addEventListener("resize", fit);

  function close() {
    clearTimeout(timer);
    request.abort();
    options = [];
    show();
  }

  function askSoon() {
    close();
    timer = setTimeout(askNow, PAUSE);
  }

  async function askNow() {
    const typed = word();
    if (!typed) return;
    const controller = (request = new AbortController());
    // A suggestion is a help and no more: an error shows none.
    const found = await ask(typed, controller.signal).catch(() => []);
    if (controller.signal.aborted || composing || document.activeElement !== field) return;
    options = found;
    show();
  }

  function show() {
    list.replaceChildren(...options.map(item));
    list.hidden = !options.length;
    field.ariaExpanded = String(options.length > 0);
    select(-1);
    fit();
  }

  function item(option, index) {
    const line = make("li", { id: idOf(index), role: "option", ariaSelected: "false", onclick: () => choose(option) });
    const kind = make("span", { className: "soft", textContent: say(`suggestion_kind_${option.kind}`, { count: number(option.count) }) });
    line.append(make("span", { textContent: option.text }), kind);
    return line;
  }

  /** Keeps the list above the keyboard of a phone. */
  function fit() {
    if (list.hidden || !globalThis.visualViewport) return;
    const { height, offsetTop } = visualViewport;
    list.style.setProperty("max-height", `${Math.max(96, offsetTop + height - list.getBoundingClientRect().top - 8)}px`);
  }

  function select(index) {
    active = index;
    [...list.children].forEach((line, at) => (line.ariaSelected = String(at === index)));
    if (index < 0) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", idOf(index));
    list.children[index].scrollIntoView({ block: "nearest" });
  }

  function press(event) {
    if (composing || event.isComposing || event.keyCode === 229) return close();
    if (!options.length) return;
    const count = options.length + 1;
    if (event.key === "ArrowDown") select(((active + 2) % count) - 1);
    else if (event.key === "ArrowUp") select(((active + count) % count) - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && active >= 0) choose(options[active]);
    else if (event.key === "Enter") return close();
    else return;
    event.preventDefault();
  }

  function choose(option) {
    const typed = word();
    close();
    if (typed) take(option, typed);
  }

  return { close };
}

/** The part of the line that ends at the caret and has no white space: where it begins, its minus and field, and its text. */
function wordOfLine() {
  const { value, selectionStart: end, selectionEnd } = $("query");
  if (end !== selectionEnd || /^[^\s　]/.test(value.slice(end))) return null;
  const before = value.slice(0, end);
  if ((before.match(/["“”„]/g) ?? []).length % 2) return null;
  const [, minus, field, text] = /(?:^|[\s　"“”„])([-－−]?)((?:tag|checkpoint|lora|sampler|camera|in)[:：]|)([^\s　"“”„]*)$/i.exec(before) ?? [];
  if (!text && !field) return null;
  return { start: end - (minus + field + text).length, end, minus: minus && "-", field: field.slice(0, -1).toLowerCase(), text };
}

async function suggestionsOfLine({ field, text }, signal) {
  if (FACETS[field]) {
    const values = await valuesOf(FACETS[field]);
    return values.filter(({ text: value }) => folded(value).includes(folded(text))).slice(0, MOST);
  }
  const { suggestions } = await api.suggestions(text, field ? "tag" : "tag,word,file_name", MOST, signal);
  return suggestions.filter(({ query }) => query !== null);
}

/** Values of facets as suggestions by the facet's name, each with the time of its answer. */
const known = new Map();

async function valuesOf(facet) {
  const { at, values } = known.get(facet) ?? {};
  if (Date.now() - at < FRESH) return values;
  const { facets: [found] } = await api.facets({ text: "", filter: {} }, [facet], 100);
  const fresh = found.values.filter(({ query }) => query !== null).map(({ value, count, query }) => ({ kind: facet, text: value, count, query }));
  known.set(facet, { at: Date.now(), values: fresh });
  return fresh;
}

/** Puts a suggestion in the place of the word. */
function takeIntoLine({ query }, { start, end, minus }) {
  $("query").setRangeText(`${minus}${query} `, start, end, "end");
  $("query").dispatchEvent(new Event("change"));
}
