// The reader's language: words, numbers and dates.

import { WORDS } from "./words.js";

const KEPT = "mitsuke-language";
const LANGUAGES = ["en", "ja"];
const listeners = [];
let current = kept() ?? preferred();

function kept() {
  try {
    const name = localStorage.getItem(KEPT);
    return LANGUAGES.includes(name) ? name : null;
  } catch {
    return null; // storage is switched off
  }
}

function preferred() {
  const tags = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase());
  return tags.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

/** The language now: "en" or "ja". */
export const language = () => current;

/** Speaks another language from now on, here and at later visits. */
export function setLanguage(name) {
  current = name;
  try {
    localStorage.setItem(KEPT, name);
  } catch {
    // It is remembered for as long as the page is open.
  }
  translate(document);
  for (const listener of listeners) listener();
}

/** Called after each change of language, to say again what was said with values. */
export const onLanguage = (listener) => listeners.push(listener);

/** The words for a key, with {names} filled in. */
export function say(key, values = {}) {
  return WORDS[key][LANGUAGES.indexOf(current)].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether there are words for a key. */
export const has = (key) => Object.hasOwn(WORDS, key);

/** Puts the reader's language into the elements that name their words. */
export function translate(root) {
  document.documentElement.lang = current;
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-alt]")) node.alt = say(node.dataset.alt);
  for (const node of root.querySelectorAll("[data-title]")) node.title = say(node.dataset.title);
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = say(node.dataset.placeholder);
}

/** A number with a true minus sign, which screen readers say. */
export const number = (value, digits = 0) =>
  new Intl.NumberFormat(current, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace("-", "−");

export const percent = (part, whole) =>
  new Intl.NumberFormat(current, { style: "percent" }).format(whole ? Math.floor((part / whole) * 100) / 100 : 1);

export const date = (text) => new Intl.DateTimeFormat(current, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

export function bytes(count) {
  const [value, unit] = count < 1e6 ? [count / 1e3, "kB"] : [count / 1e6, "MB"];
  return `${number(value, value < 10 ? 1 : 0)} ${unit}`;
}
