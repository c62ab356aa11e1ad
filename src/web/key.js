// Asks the reader for an API key when the server requires one.

import { key, setKeyPrompt, storeKey } from "./api.js";
import { $, ask } from "./dom.js";
import { say } from "./say.js";

/** The promise of the open dialog, which all requests share, or null. */
let openPrompt = null;

export function setUp() {
  setKeyPrompt((usedKey, isWrong) => {
    // The reader has entered a key for another request in the meantime.
    if (usedKey !== key()) return Promise.resolve(key());
    openPrompt ??= askReader(usedKey !== null && isWrong).finally(() => (openPrompt = null));
    return openPrompt;
  });
  $("key-cancel").onclick = () => $("key").close("");
}

async function askReader(isWrong) {
  for (let wrong = isWrong ? "key_wrong" : null; ; wrong = "key_characters") {
    $("key-wrong").hidden = wrong === null;
    if (wrong) Object.assign($("key-wrong"), { textContent: say(wrong) }).dataset.text = wrong;
    const returnValue = await ask($("key"));
    const text = $("key-value").value;
    $("key-value").value = "";
    if (returnValue !== "yes" || !text.trim()) return null;
    const value = normalized(text);
    if (!value) continue;
    storeKey(value);
    return value;
  }
}

/** Returns a key with the full-width letters of an input method as ASCII, or null when a header cannot hold it. */
function normalized(text) {
  const key = text.normalize("NFKC").trim();
  return /^[\x21-\x7e]+$/.test(key) ? key : null;
}
