// The caption in the large view.

import * as api from "./api.js";
import { $ } from "./dom.js";
import { makeEditor } from "./edit.js";
import { say } from "./say.js";

export const { setUp, allow, resume, leave } = makeEditor("caption", {
  text: ({ caption }) => caption ?? "",
  send: ({ image_id: id }, text) => api.change(id, { caption: text || null }),
});

export function show({ caption }) {
  $("caption-text").textContent = caption || say("no_caption");
  $("caption-text").classList.toggle("soft", !caption);
}
