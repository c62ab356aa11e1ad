// Asks the reader for an API key when the server requires one.

import { forgetKey, key, setKeyPrompt, storeKey } from "./api.js";
import { $, ask } from "./dom.js";
import { say } from "./say.js";

/** The promise of the open dialog, which all requests share, or null. */
let openPrompt = null;

export function setUp() {
  setKeyPrompt((usedKey, isWrong) => {
    if (openPrompt) return openPrompt;
    // The reader has entered a key for another request in the meantime.
    if (usedKey !== key()) return Promise.resolve(key());
    openPrompt = askReader(isWrong ? usedKey : null).finally(() => (openPrompt = null));
    return openPrompt;
  });
  $("key-cancel").onclick = () => $("key").close("");
  $("key-remember").onchange = showNote;
  // The next reader of a shared device must not see what the key has shown.
  $("forget-key").onclick = () => {
    forgetKey();
    location.reload();
  };
  offerForgetting();
}

/** Asks for a key. `wrongKey` is one that the service does not know, or null. */
async function askReader(wrongKey) {
  if (wrongKey !== null) forgetKey(wrongKey);
  for (let wrong = wrongKey === null ? null : "key_wrong"; ; wrong = "key_characters") {
    offerForgetting();
    $("key-wrong").hidden = wrong === null;
    if (wrong) Object.assign($("key-wrong"), { textContent: say(wrong) }).dataset.text = wrong;
    const returnValue = await ask($("key"));
    const text = $("key-value").value;
    $("key-value").value = "";
    if (returnValue !== "yes" || !text.trim()) return null;
    const value = normalized(text);
    if (!value) continue;
    storeKey(value, $("key-remember").checked);
    offerForgetting();
    return value;
  }
}

const offerForgetting = () => ($("forget-key").hidden = key() === null);

/** Says how long the key will be kept. */
function showNote() {
  const note = $("key-remember").checked ? "key_note_remember" : "key_note";
  Object.assign($("key-note"), { textContent: say(note) }).dataset.text = note;
}

/** Returns a key with the full-width letters of an input method as ASCII, or null when a header cannot hold it. */
function normalized(text) {
  const key = text.normalize("NFKC").trim();
  return /^[\x21-\x7e]+$/.test(key) ? key : null;
}
