// The tags in the large view.

import * as api from "./api.js";
import { $, make } from "./dom.js";
import { makeEditor } from "./edit.js";
import { splitTags } from "./query.js";
import { say } from "./say.js";

export const { setUp, allow, resume, leave } = makeEditor("tags", {
  text: ({ tags }) => tags.join("\n"),
  send: (image, text) => api.change(image.image_id, { tags: written(image, text) }),
});

/** Shows the tags of an image as buttons, which call `narrow(change)`. */
export function show({ tags }, narrow) {
  const button = (tag) => make("button", { type: "button", className: "link", title: say("same_value"), textContent: tag, onclick: () => narrow({ tags: [tag] }) });
  $("tags-text").replaceChildren(...(tags.length ? tags.map(button) : [say("no_tags")]));
  $("tags-text").classList.toggle("soft", !tags.length);
}

/** Returns the tags of a text with lines and commas. A tag of the image that holds a comma itself stays whole. */
const written = ({ tags }, text) => text.split("\n").flatMap((line) => (tags.includes(line.trim()) ? [line.trim()] : splitTags(line)));
