// Copying of texts.

import * as api from "./api.js";
import { make } from "./dom.js";

/** Copies a text, or the text of a promise. Returns whether the browser allowed it. */
export async function copyText(text) {
  try {
    if (!navigator.clipboard) return copyByCommand(await text);
    // Browsers allow copying only soon after a click. A clipboard item may still wait for its text then.
    const blob = Promise.resolve(text).then((ready) => new Blob([ready], { type: "text/plain" }));
    // A text that does not come is told by `write` below, and is no error that nobody handles.
    blob.catch(() => {});
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    return false;
  }
}

/** Copies at an address without https, where the browser gives the page no clipboard. */
function copyByCommand(text) {
  const before = document.activeElement;
  const field = make("textarea", { value: text, className: "unseen", readOnly: true });
  // A dialog keeps the focus inside.
  (before?.closest("dialog") ?? document.body).append(field);
  field.select();
  const worked = document.execCommand("copy");
  field.remove();
  before?.focus();
  return worked;
}

/** Fetches the whole texts of those images to which a list has shortened them, one after the other. Returns a promise of all images. */
export async function whole(images) {
  const all = [];
  for (const image of images) all.push(image.texts_shortened ? await api.image(image.image_id) : image);
  return all;
}

/** Returns the prompts of images, each once per image: {texts, without}, where `without` counts the images that have none. */
export function promptsOf(images) {
  const texts = images.map(({ generation, generation_prompt: raw }) => generation?.prompt ?? raw).filter(Boolean);
  return { texts, without: images.length - texts.length };
}
