// The places of pictures in rows that fill the width. This module uses neither the page nor the network.

/**
 * Makes the rows of `count` pictures. `ratio(index)` is width by height of a picture, `width` that of all rows, `height`
 * that of a row before it grows to the width. Before the picture `breakAt` (or null) a row ends and `breakHeight` stays
 * free. Returns {tops, heights, firsts, rows, total}: the top and the height of each row, its first picture, the number
 * of rows, and the height of all.
 */
export function rowsOf({ count, ratio, width, height, gap, breakAt, breakHeight }) {
  return { tops: new Float64Array(0), heights: new Float32Array(0), firsts: new Int32Array(0), rows: 0, total: 0 };
}

/** The index of the row at a height. */
export function rowAt(layout, y) {
  return 0;
}

/** The place of a picture: {left, top, width, height}. */
export function place(layout, index) {
  return { left: 0, top: 0, width: 0, height: 0 };
}

/** The indexes of the pictures that touch a rectangle {left, top, right, bottom}. */
export function within(layout, rect) {
  return [];
}

/** The index of the nearest picture in the row above (direction −1) or below (1), or the index itself at the edge. */
export function nearest(layout, index, direction) {
  return index;
}
