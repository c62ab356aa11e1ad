// The pictures in rows of equal height. Only those near the visible part of the page are elements of the page.

import { describeCell, idOf, makeCell, markCell, putCell, removeCell, setTabStop, showCell } from "./cell.js";
import { $, make } from "./dom.js";
import { signal } from "./events.js";
import { nearest, place, rowAt, rowRange, rowsOf, within } from "./layout.js";
import { afterScroll, load, setUp as setUpLoading } from "./near.js";
import * as results from "./results.js";
import { onLanguageChange, say } from "./say.js";
import * as selection from "./selection.js";

/** The height of the divider of less related hits in rem. */
const DIVIDER = 3.5;

const grid = $("grid");
const divider = make("li", { className: "divider" });
/** The cells by the id of their image. */
const cells = new Map();
let layout = rowsOf({ count: 0 });
/** The first index that has a cell, and the one after the last. */
let span = [0, 0];
/** The id of the image whose buttons are tab stops. */
let tabStop = null;
/** The frame that will show the last scroll, or 0. */
let frame = 0;
/** What the reader sees at the top: {id, index, offset}; null at the beginning of the page. */
let top = null;
let actions = {};

/** Tells that the page has been scrolled or pictures have moved, once a frame. */
export const moved = signal();

/** Sets up the grid. `given` has open(index), and toggle(index, event), which selects a picture or no longer does. */
export function setUp(given) {
  actions = given;
  setUpLoading({ showPictures, span: () => span });
  grid.addEventListener("keydown", moveFocus);
  grid.addEventListener("click", click);
  grid.addEventListener("focusin", ({ target }) => stopAt(idOf(target.closest("li"))));
  addEventListener("scroll", () => (frame ||= requestAnimationFrame(scrolled)), { passive: true });
  let width = grid.clientWidth;
  new ResizeObserver(() => {
    if (grid.clientWidth !== width) arrange();
    width = grid.clientWidth;
  }).observe(grid);
  addEventListener("resize", () => (render(), load()));
  results.changed.on(follow);
  selection.changed.on(() => cells.forEach(markCell));
  onLanguageChange(describeAll);
}

function follow(change, { from, ids }) {
  if (change === "updated") return ids.forEach((id) => cells.has(id) && describeCell(cells.get(id), results.indexOf(id)));
  const hadFocus = [document.body, ...grid.querySelectorAll(":focus")].includes(document.activeElement);
  arrange();
  if (change !== "reset") restore(top);
  if (change === "removed" && hadFocus) focus(Math.min(from, results.count() - 1));
}

/** Makes the rows of the results anew. */
function arrange() {
  const root = getComputedStyle(document.documentElement);
  const rem = parseFloat(root.fontSize);
  layout = rowsOf({
    count: results.count(), ratio: results.ratio, width: grid.clientWidth, height: parseFloat(root.getPropertyValue("--row")) * rem,
    gap: parseFloat(getComputedStyle(grid).columnGap), breakAt: results.divider(), breakHeight: DIVIDER * rem,
  });
  grid.style.height = `${layout.total}px`;
  span = [0, 0];
  render();
  load();
}

/** What the reader sees at the top, for `restore`; null at the beginning of the page. */
export const anchor = () => top;

/** Scrolls to where the picture that the reader saw at the top is now. */
export function restore(seen) {
  if (!seen || !layout.count) return;
  const index = results.indexOf(seen.id);
  scrollTo({ top: topOf(index < 0 ? Math.min(seen.index, layout.count - 1) : index) - seen.offset, behavior: "instant" });
  render();
}

/** The height of a picture's upper edge in the page. */
export const topOf = (index) => gridTop() + place(layout, index).top;

/** The part of the page that the pictures take: {top, height}. */
export const extent = () => ({ top: gridTop(), height: layout.total });

const gridTop = () => scrollY + grid.getBoundingClientRect().top;

/** The height of the bar that covers the top of the visible part. */
export const covered = () => Math.max(0, document.querySelector("header").getBoundingClientRect().bottom);

/** Scrolls to the picture at an index: `align` is "top" or "nearest". */
export function scrollToIndex(index, { align = "nearest", smooth = false } = {}) {
  if (index < 0 || index >= layout.count) return;
  const { height } = place(layout, index);
  const [above, below] = [topOf(index) - covered() - layout.gap, topOf(index) + height + layout.gap - innerHeight];
  const y = align === "top" || scrollY > above ? above : Math.max(scrollY, below);
  scrollTo({ top: y, behavior: smooth ? "smooth" : "instant" });
}
export { scrollToIndex as scrollTo };
export { pause, resume, setBusy } from "./near.js";

/** Makes the cells of the rows in and near the visible part, and removes the others. */
function render() {
  if (!layout.count) fill(0, 0);
  else {
    const y = -grid.getBoundingClientRect().top;
    const index = topIndex();
    top = scrollY > 0 ? { id: results.id(index), index, offset: topOf(index) - scrollY } : null;
    fill(rowRange(layout, rowAt(layout, y - innerHeight))[0], rowRange(layout, rowAt(layout, y + 2 * innerHeight))[1]);
  }
  moved.emit();
}

function fill(first, end) {
  if (first === span[0] && end === span[1] && end) return;
  const isNew = !span[1];
  span = [first, end];
  const indexes = Array.from({ length: end - first }, (_, at) => first + at);
  const shown = new Set(indexes.map(results.id));
  for (const [id, cell] of cells) {
    if (shown.has(id)) continue;
    // The focus would be lost with its cell, so that this cell stays as long as its picture.
    const index = cell.contains(document.activeElement) ? results.indexOf(id) : -1;
    if (index >= 0) {
      indexes[index < first ? "unshift" : "push"](index);
      continue;
    }
    removeCell(cell);
    cells.delete(id);
  }
  divider.remove();
  // The elements have the order of the results, for screen readers and the Tab key.
  let next = grid.firstChild;
  for (const index of indexes) {
    const known = cells.get(results.id(index));
    const cell = known ?? makeCell(index);
    if (index === results.divider()) showDivider(next);
    if (cell === next) next = next.nextSibling;
    else grid.insertBefore(cell, next);
    if (known && !isNew) continue;
    cells.set(results.id(index), cell);
    putCell(cell, place(layout, index));
    describeCell(cell, index);
  }
  if (end && !cells.has(tabStop)) stopAt(results.id(Math.max(first, topIndex())));
}

function showDivider(next) {
  const { top: below } = place(layout, results.divider());
  divider.textContent = say("less_related");
  divider.style.bottom = `${layout.total - below}px`;
  grid.insertBefore(divider, next);
}

/** Makes the buttons of one image the tab stops of the grid. */
function stopAt(id) {
  if (cells.has(tabStop)) setTabStop(cells.get(tabStop), false);
  tabStop = id;
  if (cells.has(id)) setTabStop(cells.get(id), true);
}

function scrolled(now) {
  frame = 0;
  render();
  afterScroll(now);
}

/** Loads the thumbnails of the cells, first of those that are visible. */
function showPictures() {
  const [first, end] = visible();
  const indexes = Array.from({ length: span[1] - span[0] }, (_, at) => span[0] + at);
  const isHidden = (index) => Number(index < first || index > end);
  for (const index of indexes.sort((one, other) => isHidden(one) - isHidden(other))) {
    showCell(cells.get(results.id(index)), index, place(layout, index).width);
  }
}

/** Shows that the pictures belong to an earlier query. */
export const setOld = (isOld) => grid.classList.toggle("old", isOld);

/** The first and the last index of the visible pictures; [0, −1] when none is visible. */
export function visible() {
  const y = -grid.getBoundingClientRect().top;
  if (!layout.count || y > layout.total || y + innerHeight < 0) return [0, -1];
  return [topIndex(), rowRange(layout, rowAt(layout, y + innerHeight))[1] - 1];
}

/** The index of the picture at the top of the visible part. */
export const topIndex = () => indexAt(covered() - grid.getBoundingClientRect().top);

/** The index of the first picture of the row at a height of the grid. */
export const indexAt = (y) => rowRange(layout, rowAt(layout, y))[0];

/** The indexes of the pictures that touch a rectangle {left, top, right, bottom} of the visible part of the page. */
export function indexesIn({ left, top: upper, right, bottom }) {
  const { left: x, top: y } = grid.getBoundingClientRect();
  return within(layout, { left: left - x, top: upper - y, right: right - x, bottom: bottom - y });
}

/** Moves the focus to the picture at an index, if there is one. */
export function focus(index, options) {
  if (index < 0 || index >= layout.count) return;
  const id = results.id(index);
  if (!cells.has(id)) {
    scrollToIndex(index);
    render();
  }
  cells.get(id)?.firstElementChild.focus(options);
}

/** The index to which a key leads from another: up and down go to the nearest picture of the next row. */
export function neighbour(index, key) {
  const end = layout.count - 1;
  if (key === "ArrowUp" || key === "ArrowDown") return nearest(layout, index, key === "ArrowUp" ? -1 : 1);
  const target = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: end }[key] ?? index;
  return Math.min(end, Math.max(0, target));
}

function moveFocus(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const cell = event.target.closest("[data-id]");
  const index = cell ? results.indexOf(idOf(cell)) : -1;
  const target = neighbour(index, event.key);
  if (index < 0 || target === index) return;
  event.preventDefault();
  scrollToIndex(target);
  render();
  focus(target, { preventScroll: true });
}

function click(event) {
  const cell = event.target.closest("[data-id]");
  if (!cell) return;
  const index = results.indexOf(idOf(cell));
  const toggles = event.target.closest(".mark") || event.ctrlKey || event.metaKey || event.shiftKey;
  if (toggles) actions.toggle(index, event);
  else if (event.target.closest(".card")) actions.open(index, event);
}

function describeAll() {
  for (const [id, cell] of cells) describeCell(cell, results.indexOf(id));
  divider.textContent = say("less_related");
}
