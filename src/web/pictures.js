// Puts pictures into img elements. An img cannot send an API key, so with a key the page fetches the bytes itself and
// shows them from memory.

import * as api from "./api.js";

/** Shows the picture at a path of the service in place of the previous one. */
export async function show(img, path) {
  release(img);
  img.dataset.path = path;
  if (!api.key()) {
    img.src = path;
    return;
  }
  const bytes = await api.blob(path);
  if (img.dataset.path === path) img.src = URL.createObjectURL(bytes);
}

/** Shows one of the reader's own pictures. */
export function showFile(img, file) {
  release(img);
  img.src = URL.createObjectURL(file);
}

/** Empties an img and releases the memory of its picture. */
export function release(img) {
  if (img.src.startsWith("blob:")) URL.revokeObjectURL(img.src);
  delete img.dataset.path;
  img.removeAttribute("src");
}

/** Empties all img elements inside a node before the node is emptied. */
export function releaseAll(node) {
  for (const img of node.querySelectorAll("img")) release(img);
}
