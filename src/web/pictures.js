// Puts pictures into img elements. An img cannot send an API key, so with a key the page fetches the bytes itself and
// shows them from memory.

import * as api from "./api.js";

const SIZES = [128, 256, 512, 1024];
const MAX_LOADING = 6;
/** The thumbnails that wait for their turn: {img, path}. */
const queue = [];
/** The requests of thumbnails that are under way, by their img. */
const loading = new Map();

/** Whether a thumbnail of a size is sharp at a width on this screen. Its longer edge has `size` pixels. */
const isSharp = ({ width, height }, size, cssWidth) => size * Math.min(1, width / height) >= cssWidth * devicePixelRatio;

/** The address of the smallest thumbnail that is sharp at a width on this screen, by the id and the proportions of an image. */
export const thumbnailUrl = (id, shape, cssWidth) =>
  `images/${id}/thumbnail?size=${SIZES.find((size) => isSharp(shape, size, cssWidth)) ?? SIZES.at(-1)}`;

/** Shows a thumbnail by its address. With a key, a few are fetched at once and the others wait. */
export function loadThumbnail(img, path) {
  img.onerror = () => img.classList.add("broken");
  if (!api.key()) {
    img.src = path;
    return;
  }
  queue.push({ img, path });
  loadNext();
}

/** Shows the thumbnail of an image when the img comes near the visible part of the page. */
export function showThumbnail(img, image) {
  img.image = image;
  observer.observe(img);
}

const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target: img } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(img);
    loadThumbnail(img, thumbnailUrl(img.image.image_id, img.image, img.clientWidth));
  }
}, { rootMargin: "400px" });

function loadNext() {
  while (loading.size < MAX_LOADING && queue.length) load(queue.shift());
}

async function load({ img, path }) {
  const request = new AbortController();
  loading.set(img, request);
  try {
    await show(img, path, request.signal);
  } catch {
    if (!request.signal.aborted) img.classList.add("broken");
  } finally {
    if (loading.get(img) === request) loading.delete(img);
    loadNext();
  }
}

/** Shows the picture at a path of the service in place of the previous one. */
export async function show(img, path, signal) {
  empty(img);
  img.dataset.path = path;
  if (!api.key()) {
    img.src = path;
    return;
  }
  const bytes = await api.blob(path, signal);
  if (img.dataset.path === path) img.src = URL.createObjectURL(bytes);
}

/** Shows one of the reader's own pictures. */
export function showFile(img, file) {
  release(img);
  img.src = URL.createObjectURL(file);
}

/** Empties an img, releases the memory of its picture and ends its request. */
export function release(img) {
  observer.unobserve(img);
  const index = queue.findIndex((one) => one.img === img);
  if (index >= 0) queue.splice(index, 1);
  loading.get(img)?.abort();
  loading.delete(img);
  empty(img);
}

function empty(img) {
  if (img.src.startsWith("blob:")) URL.revokeObjectURL(img.src);
  delete img.dataset.path;
  img.removeAttribute("src");
}

/** Releases all thumbnails inside a node before the node is emptied. */
export function releaseAll(node) {
  for (const img of node.querySelectorAll("img")) release(img);
}
