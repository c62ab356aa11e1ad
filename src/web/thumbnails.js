// Draws thumbnails into canvas elements. A browser keeps the decoded pictures of img elements after the elements are
// gone (Chromium a thousand of them, which take hundreds of megabytes); the pixels of a canvas go with the canvas.

import * as api from "./api.js";

const SIZES = [128, 256, 512, 1024];
const MAX_LOADING = 6;
/** The canvases whose thumbnails wait for their turn, the next one first. */
const queue = new Set();
/** The requests of thumbnails that are under way, by their canvas. */
const loading = new Map();
/** The address of the thumbnail that a canvas is to show, and its size in pixels of the screen: {path, width, height}. */
const wanted = new WeakMap();

/** Whether a thumbnail of a size is sharp at a width in pixels of the screen. Its longer edge has `size` pixels. */
const isSharp = (ratio, size, width) => size * Math.min(1, ratio) >= width;

/** The address of the smallest thumbnail that is sharp at a width, by the id of an image and its width by height. */
const address = (id, ratio, width) =>
  `images/${id}/thumbnail?size=${SIZES.find((size) => isSharp(ratio, size, width)) ?? SIZES.at(-1)}`;

/**
 * Draws the thumbnail of an image, whose width by height is `ratio`, when its turn has come: in the order in which the
 * thumbnails have been asked for last. `box` is the size of the canvas on the page in px; another size than before draws
 * the thumbnail anew.
 */
export function draw(canvas, id, ratio, box) {
  const [width, height] = [box.width, box.height].map((length) => Math.round(length * devicePixelRatio));
  const before = wanted.get(canvas);
  const isNew = before?.width !== width || before.height !== height;
  if (isNew) {
    const path = address(id, ratio, width);
    if (before?.path !== path) stop(canvas);
    wanted.set(canvas, { path, width, height });
  }
  // A request that is under way will draw the size that is wanted at its end.
  if (loading.has(canvas) || !(isNew || queue.has(canvas))) return;
  queue.delete(canvas);
  queue.add(canvas);
  loadNext();
}

function loadNext() {
  for (const canvas of queue) {
    if (loading.size >= MAX_LOADING) return;
    queue.delete(canvas);
    load(canvas);
  }
}

async function load(canvas) {
  const request = new AbortController();
  loading.set(canvas, request);
  try {
    const bitmap = await createImageBitmap(await api.blob(wanted.get(canvas).path, request.signal));
    if (!request.signal.aborted) paint(canvas, bitmap, wanted.get(canvas));
    bitmap.close();
  } catch {
    if (!request.signal.aborted && !isShown(canvas)) canvas.classList.add("broken");
  } finally {
    if (loading.get(canvas) === request) loading.delete(canvas);
    loadNext();
  }
}

/** Draws a bitmap as large as it fits into a size, but not enlarged: the browser does that without memory. */
function paint(canvas, bitmap, { width, height }) {
  const scale = Math.min(1, width / bitmap.width, height / bitmap.height);
  // The sides of a thumbnail are rounded, so that one of them may end a pixel before the edge.
  const fitting = (length, whole) => (whole - length * scale < 2 ? whole : Math.max(1, Math.round(length * scale)));
  canvas.width = fitting(bitmap.width, width);
  canvas.height = fitting(bitmap.height, height);
  // An accelerated canvas has a layer and memory of the graphics card of its own, and there are a hundred of them.
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  canvas.classList.remove("broken");
  canvas.classList.add("shown");
}

const isShown = (canvas) => canvas.classList.contains("shown");

/** Draws the thumbnail of an image whenever the canvas comes near the visible part of the page, and releases it far away. */
export function drawNear(canvas, image) {
  canvas.image = image;
  observer.observe(canvas);
}

const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target: canvas, boundingClientRect: box } of entries) {
    if (isIntersecting) draw(canvas, canvas.image.image_id, canvas.image.width / canvas.image.height, box);
    else empty(canvas);
  }
}, { rootMargin: "400px", scrollMargin: "400px" });

/** Releases the pixels of a canvas for good, and ends its request. */
export function release(canvas) {
  observer.unobserve(canvas);
  empty(canvas);
}

/** Releases all thumbnails inside a node before the node is emptied. */
export function releaseAll(node) {
  for (const canvas of node.querySelectorAll("canvas")) release(canvas);
}

function empty(canvas) {
  stop(canvas);
  wanted.delete(canvas);
  canvas.width = canvas.height = 0;
  canvas.classList.remove("shown", "broken");
}

function stop(canvas) {
  queue.delete(canvas);
  loading.get(canvas)?.abort();
  loading.delete(canvas);
}
