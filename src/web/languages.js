// The languages of the page.

import en from "./words/en.js";
import ja from "./words/ja.js";

/** The languages in the order in which the language button offers them: code (BCP 47), own name, words. */
export const LANGUAGES = [
  { code: "en", name: "English", words: en },
  { code: "ja", name: "日本語", words: ja },
];

/** The language of the service's own messages, and of each text that another language lacks. */
export const ENGLISH = LANGUAGES.find(({ code }) => code === "en");
