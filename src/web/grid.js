// The pictures in rows of equal height; each cell has the proportions of its picture.

import { $, make } from "./dom.js";
import { releaseAll, showThumbnail } from "./pictures.js";
import * as results from "./results.js";
import { onLanguageChange, say } from "./say.js";
import * as selection from "./selection.js";

const grid = $("grid");
let actions = {};

/** Sets up the grid. `given` has open(index), and toggle(index, event), which selects a picture or no longer does. */
export function setUp(given) {
  actions = given;
  grid.addEventListener("keydown", moveFocus);
  results.changed.on(follow);
  selection.changed.on(() => [...grid.children].forEach(showMark));
  onLanguageChange(() => [...grid.children].forEach((item) => describe(item)));
}

function follow(change, { from, ids }) {
  if (change === "reset") clear();
  if (change === "reset" || change === "grown") {
    const added = Array.from({ length: results.count() - from }, (_, at) => card(results.item(from + at)));
    grid.append(...added);
  }
  if (change === "removed") {
    const gone = [...grid.children].filter((item) => ids.includes(item.image.image_id));
    for (const item of gone) {
      releaseAll(item);
      item.remove();
    }
    focus(Math.min(from, results.count() - 1));
  }
  if (change === "updated") [...grid.children].filter((item) => ids.includes(item.image.image_id)).forEach((item) => describe(item));
}

function clear() {
  releaseAll(grid);
  grid.replaceChildren();
}

/** Scrolls to the picture at an index: `align` is "top" or "nearest". */
export function scrollTo(index, { align = "nearest", smooth = false } = {}) {
  const block = align === "top" ? "start" : "nearest";
  grid.children[index]?.scrollIntoView({ block, behavior: smooth ? "smooth" : "instant" });
}

/** Moves the focus to the picture at an index, if there is one. */
export const focus = (index, options) => grid.children[index]?.firstElementChild.focus(options);

/** The first and the last index of the visible pictures; [0, −1] when none is visible. */
export function visible() {
  const seen = [...grid.children].map((item) => item.getBoundingClientRect()).map(({ top, bottom }) => bottom > 0 && top < innerHeight);
  return seen.includes(true) ? [seen.indexOf(true), seen.lastIndexOf(true)] : [0, -1];
}

/** The index of the picture at the top of the visible part. */
export const topIndex = () => visible()[0];

/** The indexes of the pictures that touch a rectangle {left, top, right, bottom} of the visible part of the page. */
export function indexesIn({ left, top, right, bottom }) {
  const touches = (box) => box.left < right && box.right > left && box.top < bottom && box.bottom > top;
  return [...grid.children].flatMap((item, index) => (touches(item.getBoundingClientRect()) ? [index] : []));
}

/** Stops loading thumbnails and details while the reader draws a rectangle. */
export function pause() {}

/** Loads again what is visible. */
export function resume() {}

function card(image) {
  const img = make("img", { decoding: "async", width: image.width, height: image.height });
  const place = () => results.indexOf(image.image_id);
  const fit = make("span", { className: "fit", ariaHidden: "true" });
  const button = make("button", { type: "button", className: "card", onclick: () => actions.open(place()) }, img, fit);
  const mark = make("button", { type: "button", className: "mark", role: "checkbox", ariaChecked: "false", onclick: (event) => actions.toggle(place(), event) });
  const item = make("li", { image }, button, mark);
  item.dataset.id = image.image_id;
  item.style.setProperty("--ratio", results.ratio(place()).toFixed(4));
  describe(item);
  showThumbnail(img, image);
  return item;
}

function describe(item) {
  const { image, firstElementChild: button, lastElementChild: mark } = item;
  button.title = image.file_name;
  button.firstElementChild.alt = image.caption?.slice(0, 200) || image.file_name;
  mark.ariaLabel = say("select_one", { name: image.file_name });
}

function showMark({ image, lastElementChild: mark }) {
  mark.ariaChecked = String(selection.has(image.image_id));
}

/** Moves the focus with the arrow keys; up and down go to the nearest picture of the next row. */
function moveFocus(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const item = event.target.closest("li");
  const next = item && {
    ArrowLeft: () => item.previousElementSibling,
    ArrowRight: () => item.nextElementSibling,
    ArrowUp: () => nearestInNextRow(item, "previousElementSibling"),
    ArrowDown: () => nearestInNextRow(item, "nextElementSibling"),
    Home: () => grid.firstElementChild,
    End: () => grid.lastElementChild,
  }[event.key]?.();
  if (!next) return;
  event.preventDefault();
  next.firstElementChild.focus();
}

function nearestInNextRow(item, direction) {
  const middle = item.offsetLeft + item.offsetWidth / 2;
  const away = (other) => Math.abs(other.offsetLeft + other.offsetWidth / 2 - middle);
  let best = null;
  for (let other = item[direction]; other; other = other[direction]) {
    if (other.offsetTop === item.offsetTop) continue;
    if (best && other.offsetTop !== best.offsetTop) break;
    if (!best || away(other) < away(best)) best = other;
  }
  return best;
}
