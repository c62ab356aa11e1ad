// Puts pictures into img elements. An img cannot send an API key, so with a key the page fetches the bytes itself and
// shows them from memory.

import * as api from "./api.js";

const SIZES = [128, 256, 512, 1024];
const MAX_LOADING = 6;
const queue = [];
let loading = 0;

/** Width of a thumbnail in pixels; the service scales the longer edge down to `size`. */
const widthOf = ({ width, height }, size) => Math.round(width * Math.min(1, size / Math.max(width, height)));

/** The path of the smallest thumbnail that is sharp at a width on this screen. */
function thumbnailPath(image, cssWidth) {
  const needed = cssWidth * devicePixelRatio;
  const size = SIZES.find((size) => widthOf(image, size) >= Math.min(needed, image.width)) ?? SIZES.at(-1);
  return `${image.links.thumbnail}?size=${size}`;
}

/** The address of the smallest thumbnail that is sharp at a width on this screen, by the id and the shape of the image. */
export const thumbnailUrl = (id, shape, cssWidth) => thumbnailPath({ ...shape, links: { thumbnail: `images/${id}/thumbnail` } }, cssWidth);

/** Shows an image's thumbnail when the img comes near the visible part of the page. */
export function showThumbnail(img, image) {
  img.onerror = () => img.classList.add("broken");
  if (api.key()) {
    img.image = image;
    observer.observe(img);
    return;
  }
  img.loading = "lazy";
  img.sizes = "auto, (max-width: 48rem) 50vw, 20rem";
  const widths = new Map(SIZES.map((size) => [widthOf(image, size), size]).reverse());
  img.srcset = [...widths].map(([width, size]) => `${image.links.thumbnail}?size=${size} ${width}w`).join(", ");
  img.src = `${image.links.thumbnail}?size=512`;
}

const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    const index = queue.indexOf(target);
    if (isIntersecting && index < 0) queue.push(target);
    if (!isIntersecting && index >= 0) queue.splice(index, 1);
  }
  loadNext();
}, { rootMargin: "400px" });

async function loadNext() {
  while (loading < MAX_LOADING && queue.length) {
    const img = queue.shift();
    observer.unobserve(img);
    if (!img.isConnected) continue;
    loading++;
    show(img, thumbnailPath(img.image, img.clientWidth)).catch(() => img.classList.add("broken")).finally(() => {
      loading--;
      loadNext();
    });
  }
}

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
  // Without its src alone the browser would choose a picture of the srcset anew, also one that has been deleted.
  for (const name of ["srcset", "src"]) img.removeAttribute(name);
}

/** Releases all thumbnails inside a node before the node is emptied. */
export function releaseAll(node) {
  for (const img of node.querySelectorAll("img")) {
    observer.unobserve(img);
    const index = queue.indexOf(img);
    if (index >= 0) queue.splice(index, 1);
    release(img);
  }
}
