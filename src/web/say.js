// Texts, numbers and dates in the reader's language.

import { WORDS } from "./words.js";

const STORAGE_KEY = "mitsuke-language";
const LANGUAGES = ["en", "ja"];
const listeners = [];
let current = storedLanguage() ?? preferredLanguage();

function storedLanguage() {
  try {
    const name = localStorage.getItem(STORAGE_KEY);
    return LANGUAGES.includes(name) ? name : null;
  } catch {
    return null; // storage is switched off
  }
}

function preferredLanguage() {
  const tags = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase());
  return tags.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

/** The current language: "en" or "ja". */
export const language = () => current;

/** Changes the language of the page, now and for later visits. */
export function setLanguage(name) {
  current = name;
  try {
    localStorage.setItem(STORAGE_KEY, name);
  } catch {
    // Without storage the choice lasts as long as the page is open.
  }
  translate(document);
  for (const listener of listeners) listener();
}

/** Adds a function that is called after each change of the language, for texts that hold values. */
export const onLanguageChange = (listener) => listeners.push(listener);

/** Returns the text of a key in the current language, with {names} filled in. */
export function say(key, values = {}) {
  return WORDS[key][LANGUAGES.indexOf(current)].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether a key has a text. */
export const hasText = (key) => Object.hasOwn(WORDS, key);

/** Fills the elements that name the key of their text in a data attribute. */
export function translate(root) {
  document.documentElement.lang = current;
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-alt]")) node.alt = say(node.dataset.alt);
  for (const node of root.querySelectorAll("[data-title]")) node.title = say(node.dataset.title);
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = say(node.dataset.placeholder);
}

/** Formats a number with a true minus sign, which screen readers read out. */
export const number = (value, digits = 0) =>
  new Intl.NumberFormat(current, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace("-", "−");

export const percent = (part, whole) =>
  new Intl.NumberFormat(current, { style: "percent" }).format(whole ? Math.floor((part / whole) * 100) / 100 : 1);

export const date = (text) => new Intl.DateTimeFormat(current, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

export function bytes(count) {
  const [value, unit] = count < 1e6 ? [count / 1e3, "kB"] : [count / 1e6, "MB"];
  return `${number(value, value < 10 ? 1 : 0)} ${unit}`;
}
