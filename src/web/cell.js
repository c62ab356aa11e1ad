// One cell of the grid: a picture that opens, with a bar that shows how well it fits, and a mark that selects it.

import { make } from "./dom.js";
import * as results from "./results.js";
import { say } from "./say.js";
import * as selection from "./selection.js";
import { draw, release } from "./thumbnails.js";

/** Characters of a caption that a screen reader reads with a picture. */
const MAX_LABEL = 200;

/** A cell without an image. A copy of it is made faster than its parts. */
const blank = make(
  "li", {},
  make("button", { type: "button", className: "card", tabIndex: -1 },
    make("canvas", { role: "img" }), make("span", { className: "fit", ariaHidden: "true", hidden: true })),
  make("button", { type: "button", className: "mark", role: "checkbox", tabIndex: -1 }),
);

/** Makes the cell of the result at an index. */
export function makeCell(index) {
  const cell = blank.cloneNode(true);
  cell.dataset.id = results.id(index);
  return cell;
}

/** The id of the image in a cell. */
export const idOf = (cell) => Number(cell.dataset.id);

/** Puts a cell to its place in the grid. */
export function putCell(cell, { left, top, width, height }) {
  const { style } = cell;
  style.left = `${left}px`;
  style.top = `${top}px`;
  style.width = `${width}px`;
  style.height = `${height}px`;
}

/** Makes the buttons of a cell tab stops or no longer does. The arrow keys reach every cell. */
export function setTabStop(cell, isStop) {
  for (const button of cell.children) button.tabIndex = isStop ? 0 : -1;
}

/** Writes what is known of the image in a cell. */
export function describeCell(cell, index) {
  const [card, mark] = cell.children;
  const [canvas, bar] = card.children;
  const image = results.item(index);
  const fit = results.fit(index);
  const divider = results.divider();
  cell.ariaPosInSet = String(index + 1);
  cell.ariaSetSize = String(results.isComplete() ? results.count() : -1);
  if (image) {
    card.title = image.file_name;
    const text = image.caption?.slice(0, MAX_LABEL) || image.file_name;
    canvas.ariaLabel = divider !== null && index >= divider ? say("card_less_related", { name: text }) : text;
  }
  mark.ariaLabel = image ? say("select_one", { name: image.file_name }) : say("select_this");
  bar.hidden = !fit;
  if (fit) {
    bar.classList.toggle("likely", fit.likely);
    bar.style.setProperty("--fit", fit.share);
  }
  markCell(cell);
}

/** The element above the less related hits. */
export const divider = make("li", { className: "divider" });

/** Writes the text of the divider in the reader's language. */
export const describeDivider = () => (divider.textContent = say("less_related"));
describeDivider();

/** Shows whether the image in a cell is selected. */
export function markCell(cell) {
  const isSelected = selection.has(idOf(cell));
  cell.classList.toggle("selected", isSelected);
  cell.lastElementChild.ariaChecked = String(isSelected);
}

const canvasOf = (cell) => cell.firstElementChild.firstElementChild;

/** Draws the thumbnail of a cell with the size of its place. */
export const showCell = (cell, index, size) => draw(canvasOf(cell), idOf(cell), results.ratio(index), size);

/** Removes a cell and ends the request of its thumbnail. */
export function removeCell(cell) {
  release(canvasOf(cell));
  cell.remove();
}
