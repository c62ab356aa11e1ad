// Asks the reader for an API key when the server requires one.

import { keepKey, key, onKeyNeeded } from "./api.js";
import { $, ask } from "./dom.js";
import { say } from "./say.js";

/** The promise of the open dialog, which all requests share, or null. */
let asking = null;

export function setUp() {
  onKeyNeeded((used) => {
    // The reader has entered a key for another request in the meantime.
    if (used !== key()) return Promise.resolve(key());
    asking ??= question(used).finally(() => (asking = null));
    return asking;
  });
  $("key-cancel").onclick = () => $("key").close("");
}

async function question(used) {
  for (let wrong = used === null ? null : "key_wrong"; ; wrong = "key_characters") {
    $("key-wrong").hidden = wrong === null;
    if (wrong) Object.assign($("key-wrong"), { textContent: say(wrong) }).dataset.text = wrong;
    const said = await ask($("key"));
    const text = $("key-value").value;
    $("key-value").value = "";
    if (said !== "yes" || !text.trim()) return null;
    const value = plain(text);
    if (!value) continue;
    keepKey(value);
    return value;
  }
}

/** Returns a key with the full-width letters of an input method as ASCII, or null when a header cannot hold it. */
function plain(text) {
  const key = text.normalize("NFKC").trim();
  return /^[\x21-\x7e]+$/.test(key) ? key : null;
}
