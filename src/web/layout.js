// The places of pictures in rows that fill the width. This module uses neither the page nor the network.

/**
 * Makes the rows of `count` pictures. `ratio(index)` is width by height of a picture, `width` that of all rows, `height`
 * that of a row before it grows to the width. Before the picture `breakAt` (or null) a row ends and `breakHeight` stays
 * free. Returns {tops, heights, firsts, rows, total}: the top and the height of each row, its first picture, the number
 * of rows, and the height of all.
 */
export function rowsOf({ count, ratio, width, height, gap, breakAt, breakHeight }) {
  const tops = new Float64Array(count);
  const heights = new Float32Array(count);
  const firsts = new Int32Array(count);
  let rows = 0;
  let top = 0;
  const close = (first, end, ratios, grows) => {
    const fitting = (width - gap * (end - first - 1)) / ratios;
    firsts[rows] = first;
    tops[rows] = top;
    // A row that nothing follows keeps its height, unless a picture is wider than the row.
    heights[rows] = grows ? fitting : Math.min(height, fitting);
    top += heights[rows++] + gap;
  };
  let first = 0;
  let ratios = 0;
  // A picture that does not fit any more joins the row when that brings the row nearer to the height than leaving it out.
  const isFull = (added, index) => {
    const without = (width - gap * (index - first - 1)) / ratios;
    const joined = (width - gap * (index - first)) / (ratios + added);
    return joined < height && height * height > joined * without;
  };
  for (let index = 0; index < count; index++) {
    const added = ratio(index);
    const isBreak = index === breakAt;
    if (index > first && (isBreak || isFull(added, index))) {
      close(first, index, ratios, !isBreak);
      [first, ratios] = [index, 0];
    }
    if (isBreak) top += breakHeight + gap;
    ratios += added;
  }
  if (count) close(first, count, ratios, false);
  const used = (list) => list.slice(0, rows);
  return { tops: used(tops), heights: used(heights), firsts: used(firsts), rows, total: Math.max(0, top - gap), count, ratio, gap, breakSize: breakHeight + gap };
}

/** The index of the last element that is not greater than a value; 0 when all are. The list is in ascending order. */
function lastUpTo(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The index of the row at a height. */
export const rowAt = (layout, y) => lastUpTo(layout.tops, y);

/** The first picture of a row and the one after its last. */
export const rowRange = (layout, row) => [layout.firsts[row] ?? 0, layout.firsts[row + 1] ?? layout.count];

/** The place of a picture: {left, top, width, height}. */
export function place(layout, index) {
  const row = lastUpTo(layout.firsts, index);
  const height = layout.heights[row];
  let left = 0;
  for (let before = layout.firsts[row]; before < index; before++) left += layout.ratio(before) * height + layout.gap;
  return { left, top: layout.tops[row], width: layout.ratio(index) * height, height };
}

/** The indexes of the pictures that touch a rectangle {left, top, right, bottom}. */
export function within(layout, { left, top, right, bottom }) {
  const found = [];
  for (let row = rowAt(layout, top); row < layout.rows && layout.tops[row] < bottom; row++) {
    if (layout.tops[row] + layout.heights[row] <= top) continue;
    const [first, end] = rowRange(layout, row);
    for (let index = first; index < end; index++) {
      const box = place(layout, index);
      if (box.left < right && box.left + box.width > left) found.push(index);
    }
  }
  return found;
}

/** The index of the nearest picture in the row above (direction −1) or below (1), or the index itself at the edge. */
export function nearest(layout, index, direction) {
  const row = lastUpTo(layout.firsts, index) + direction;
  if (row < 0 || row >= layout.rows) return index;
  const middleOf = ({ left, width }) => left + width / 2;
  const middle = middleOf(place(layout, index));
  const [first, end] = rowRange(layout, row);
  let best = first;
  const away = (other) => Math.abs(middleOf(place(layout, other)) - middle);
  for (let other = first + 1; other < end; other++) if (away(other) < away(best)) best = other;
  return best;
}
