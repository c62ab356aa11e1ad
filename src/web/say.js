// Texts, numbers and dates in the reader's language.

import { ENGLISH, LANGUAGES } from "./languages.js";

const STORAGE_KEY = "mitsuke-language";
const listeners = [];
let current = storedLanguage() ?? preferredLanguage() ?? ENGLISH;

function storedLanguage() {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return LANGUAGES.find(({ code }) => code === stored);
  } catch {
    return undefined; // storage is switched off
  }
}

/** Returns the first of the browser's languages that the page has. */
function preferredLanguage() {
  for (const tag of navigator.languages ?? [navigator.language]) {
    const language = LANGUAGES.find(({ code }) => `${tag}-`.toLowerCase().startsWith(`${code}-`.toLowerCase()));
    if (language) return language;
  }
  return undefined;
}

/** Returns the current language, one of LANGUAGES. */
export const language = () => current;

/** Returns the language after the current one in LANGUAGES; after the last comes the first. */
export const nextLanguage = () => LANGUAGES[(LANGUAGES.indexOf(current) + 1) % LANGUAGES.length];

/** Changes the language of the page to one of LANGUAGES, now and for later visits. */
export function setLanguage(language) {
  current = language;
  try {
    localStorage.setItem(STORAGE_KEY, language.code);
  } catch {
    // Without storage the choice lasts as long as the page is open.
  }
  translate(document);
  for (const listener of listeners) listener();
}

/** Adds a function that is called after each change of the language, for texts that hold values. */
export const onLanguageChange = (listener) => listeners.push(listener);

/**
 * Returns the text of a key with {names} filled in, in the current or a given language, or in English if that lacks the key.
 * [name|one|many] becomes "one" where the value of that name is 1, and else "many".
 */
export function say(key, values = {}, { words } = current) {
  return (words[key] ?? ENGLISH.words[key])
    .replace(/\[(\w+)\|([^|\]]*)\|([^\]]*)\]/g, (_, name, one, many) => (String(values[name]) === "1" ? one : many))
    .replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether a key has a text. */
export const hasText = (key) => Object.hasOwn(ENGLISH.words, key);

/** Fills the elements that name the key of their text in a data attribute. */
export function translate(root) {
  document.documentElement.lang = current.code;
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-alt]")) node.alt = say(node.dataset.alt);
  for (const node of root.querySelectorAll("[data-title]")) node.title = say(node.dataset.title);
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = say(node.dataset.placeholder);
}

/** Formats a number with a true minus sign, which screen readers read out. */
export const number = (value, digits = 0) =>
  new Intl.NumberFormat(current.code, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace("-", "−");

export const percent = (part, whole) =>
  new Intl.NumberFormat(current.code, { style: "percent" }).format(whole ? Math.floor((part / whole) * 100) / 100 : 1);

export const date = (text) => new Intl.DateTimeFormat(current.code, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

/** Formats a day that is written as 2024-05-31. */
export const day = (text) => new Intl.DateTimeFormat(current.code, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(text));

/** Formats a time by the clock that wrote it, whatever its zone. */
export const clockTime = (text) =>
  new Intl.DateTimeFormat(current.code, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" }).format(new Date(`${text.slice(0, 19)}Z`));

export function bytes(count) {
  const [value, unit] = count < 1e6 ? [count / 1e3, "kB"] : [count / 1e6, "MB"];
  return `${number(value, value < 10 ? 1 : 0)} ${unit}`;
}
