// The cells that are elements of the page, in the order of the results.

import { describeCell, divider, makeCell, putCell, removeCell, setTabStop } from "./cell.js";
import * as results from "./results.js";

/** The cells by the id of their image. */
export const cells = new Map();
let stop = null;

/**
 * Makes the cells from an index to before another, and removes the others. With `isNew` all cells are written, because
 * the results or the rows have changed. `place(index)` is the place of a picture.
 */
export function fillCells(grid, first, end, { isNew, place, dividerHeight }) {
  const indexes = Array.from({ length: end - first }, (_, at) => first + at);
  const shown = new Set(indexes.map(results.id));
  for (const [id, cell] of cells) {
    if (shown.has(id)) continue;
    // The focus would be lost with its cell, so that this cell stays as long as its picture.
    const index = cell.contains(document.activeElement) ? results.indexOf(id) : -1;
    if (index >= 0) {
      indexes[index < first ? "unshift" : "push"](index);
    } else {
      removeCell(cell);
      cells.delete(id);
    }
  }
  const less = results.divider();
  divider.remove();
  if (less !== null) divider.style.top = `${place(less).top - dividerHeight}px`;
  // The elements have the order of the results, for screen readers and the Tab key.
  let next = grid.firstChild;
  for (const index of indexes) {
    const id = results.id(index);
    const known = cells.get(id);
    const cell = known ?? makeCell(index);
    if (index === less) grid.insertBefore(divider, next);
    if (cell === next) next = next.nextSibling;
    else grid.insertBefore(cell, next);
    if (known && !isNew) continue;
    cells.set(id, cell);
    putCell(cell, place(index));
    describeCell(cell, index);
  }
}

/** The id of the image whose buttons are tab stops. The arrow keys reach the others. */
export const tabStop = () => stop;

/** Makes the buttons of one image the tab stops of the grid. */
export function stopAt(id) {
  if (cells.has(stop)) setTabStop(cells.get(stop), false);
  stop = id;
  if (cells.has(id)) setTabStop(cells.get(id), true);
}
