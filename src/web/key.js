// Asks for an API key when the server wants one.

import { keepKey, key, onKeyNeeded } from "./api.js";
import { $, ask } from "./dom.js";
import { say } from "./say.js";

/** One question, however many requests need its answer. */
let asking = null;

export function setUp() {
  onKeyNeeded((used) => {
    // Another request has found a key in the meantime.
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

/** A key without what an input method makes of it (full-width letters); null when it cannot stand in a header. */
function plain(text) {
  const key = text.normalize("NFKC").trim();
  return /^[\x21-\x7e]+$/.test(key) ? key : null;
}
