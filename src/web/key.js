// Asks for an API key when the server wants one.

import { keepKey, key, onKeyNeeded } from "./api.js";
import { $, ask } from "./dom.js";

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
  $("key-value").value = "";
  $("key-wrong").hidden = used === null;
  const said = await ask($("key"));
  const value = $("key-value").value.trim();
  $("key-value").value = "";
  if (said !== "yes" || !value) return null;
  keepKey(value);
  return value;
}
