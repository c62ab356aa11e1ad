// The pictures in rows of equal height; each cell has the proportions of its picture.

import { $, make } from "./dom.js";
import { releaseAll, showThumbnail } from "./pictures.js";
import { number, onLanguageChange, say } from "./say.js";

const grid = $("grid");
let openImage = () => {};

/** Sets up the keys. `open(image)` is called for the picture that the reader chooses. */
export function setUp(open) {
  openImage = open;
  grid.addEventListener("keydown", moveFocus);
  onLanguageChange(() => [...grid.children].forEach((item) => describe(item)));
}

export function clear() {
  releaseAll(grid);
  grid.replaceChildren();
}

export const append = (images) => grid.append(...images.map(card));

/** Puts images first, without moving the visible pictures when the reader has scrolled down. */
export function prepend(images) {
  const top = (item) => item.getBoundingClientRect().top;
  const seen = scrollY > 0 && [...grid.children].find((item) => item.getBoundingClientRect().bottom > 0);
  const before = seen && top(seen);
  // Scroll anchoring of the browser would correct the position a second time.
  grid.style.overflowAnchor = "none";
  grid.prepend(...images.map(card));
  if (seen) scrollBy({ top: top(seen) - before, behavior: "instant" });
  requestAnimationFrame(() => (grid.style.overflowAnchor = ""));
}

/** Moves the focus to the picture at an index, if there is one. */
export const focus = (index, options) => grid.children[index]?.firstElementChild.focus(options);

/** Removes the picture at an index. */
export function remove(index) {
  const item = grid.children[index];
  if (!item) return;
  releaseAll(item);
  item.remove();
}

/** Updates the name of the picture at an index after its caption has changed. */
export const update = (index) => grid.children[index] && describe(grid.children[index]);

function card(image) {
  const img = make("img", { decoding: "async", width: image.width, height: image.height });
  const button = make("button", { type: "button", className: "card", onclick: () => openImage(image) }, img);
  const item = make("li", { image }, button);
  // Very wide or tall pictures get a cell of bounded proportions, which shows the whole picture.
  item.style.setProperty("--ratio", Math.min(3, Math.max(0.4, image.width / image.height)).toFixed(4));
  if (image.distance != null) button.append(make("span", { className: "distance", ariaHidden: "true" }));
  describe(item);
  showThumbnail(img, image);
  return item;
}

function describe(item) {
  const { image, firstElementChild: button } = item;
  const img = button.firstElementChild;
  const name = image.caption?.slice(0, 200) || image.file_name;
  button.title = image.file_name;
  img.alt = name;
  if (image.distance == null) return;
  const distance = number(image.distance, 3);
  img.alt = say("card_distance", { name, distance });
  button.lastElementChild.textContent = distance;
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
