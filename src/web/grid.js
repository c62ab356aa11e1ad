// The pictures in rows of equal height. Only those near the visible part of the page are elements of the page.

import { describeCell, describeDivider, idOf, markCell, showCell } from "./cell.js";
import { cells, fillCells, stopAt, tabStop } from "./cells.js";
import { $ } from "./dom.js";
import { signal } from "./events.js";
import { nearest, place, rowAt, rowRange, rowsOf, within } from "./layout.js";
import { isFast, load, loadAfterScroll, setUp as setUpLoading } from "./near.js";
import * as results from "./results.js";
import { onLanguageChange } from "./say.js";
import * as selection from "./selection.js";

/** The height of the divider of less related hits in rem. */
const DIVIDER = 3.5;

const grid = $("grid");
let layout = rowsOf({ count: 0 });
/** The first index that has a cell, and the one after the last. */
let span = [0, 0];
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
  setUpLoading({ rest: showAll, showPictures, span: () => span });
  grid.addEventListener("keydown", moveFocus);
  grid.addEventListener("click", click);
  grid.addEventListener("focusin", ({ target }) => stopAt(idOf(target.closest("li"))));
  addEventListener("scroll", () => (frame ||= requestAnimationFrame(scrolled)), { passive: true });
  let width = grid.clientWidth;
  new ResizeObserver(() => {
    if (grid.clientWidth !== width) rearrange();
    width = grid.clientWidth;
  }).observe(grid);
  addEventListener("resize", showAll);
  results.changed.on(follow);
  selection.changed.on(() => cells.forEach(markCell));
  onLanguageChange(describeAll);
}

function follow(change, { from, ids }) {
  if (change === "updated") return ids.forEach((id) => cells.has(id) && describeCell(cells.get(id), results.indexOf(id)));
  const { activeElement: focused } = document;
  const hadFocus = focused === document.body || grid.contains(focused);
  if (change === "reset") arrange();
  else rearrange();
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
  showAll();
}

function showAll() {
  render();
  load();
}

/** Makes the rows anew, and scrolls so that the picture at the top stays there. */
function rearrange() {
  const kept = top;
  arrange();
  restore(kept);
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

/** Makes the cells of the rows in and near the visible part, and removes the others. `margin` is in heights of the window. */
function render(margin = 1) {
  if (!layout.count) fill(0, 0);
  else {
    const y = -grid.getBoundingClientRect().top;
    const index = topIndex();
    top = scrollY > 0 ? { id: results.id(index), index, offset: topOf(index) - scrollY } : null;
    const [first] = rowRange(layout, rowAt(layout, y - margin * innerHeight));
    const [, end] = rowRange(layout, rowAt(layout, y + (1 + margin) * innerHeight));
    fill(first, end);
  }
  moved.emit();
}

function fill(first, end) {
  if (first === span[0] && end === span[1] && end) return;
  const isNew = !span[1];
  span = [first, end];
  fillCells(grid, first, end, { isNew, place: onScreen, dividerHeight: layout.breakSize });
  if (end && !cells.has(tabStop())) stopAt(results.id(Math.max(first, topIndex())));
}

/** The place of a picture, with its edges between pixels of the screen: a picture of as many pixels stays sharp there. */
function onScreen(index) {
  const { left, top, width, height } = place(layout, index);
  const edge = (length) => Math.round(length * devicePixelRatio) / devicePixelRatio;
  const [x, y] = [edge(left), edge(top)];
  return { left: x, top: y, width: edge(left + width) - x, height: edge(top + height) - y };
}

function scrolled(now) {
  frame = 0;
  const fast = isFast(now);
  // Cells far outside would be gone again in the next frame.
  render(fast ? 0 : 1);
  loadAfterScroll(fast);
}

/** Loads the thumbnails of the cells, first of those that are visible. */
function showPictures() {
  const [first, end] = visible();
  const indexes = Array.from({ length: span[1] - span[0] }, (_, at) => span[0] + at);
  const isHidden = (index) => Number(index < first || index > end);
  for (const index of indexes.sort((one, other) => isHidden(one) - isHidden(other))) {
    showCell(cells.get(results.id(index)), index, onScreen(index));
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
  describeDivider();
}
