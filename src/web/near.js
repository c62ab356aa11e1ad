// Decides when the thumbnails and details of the pictures near the visible part of the page are loaded.

import { $ } from "./dom.js";
import * as problem from "./problem.js";
import * as results from "./results.js";

/** The speed of a scroll, in heights of the window a second, above which no picture is loaded. */
const MAX_SPEED = 3;
/** Milliseconds without a scroll after which the page rests. */
const REST = 80;

const grid = $("grid");
let actions = {};
let isPaused = false;
let isQuerying = false;
/** The promise of the details that are under way, or null. */
let details = null;
/** The scroll that was seen last, and the timer that tells that the page rests. */
const last = { y: 0, time: 0, rest: 0 };

/**
 * Sets up the loading. `given` has rest(), which is called when a scroll has ended, showPictures(), and span(), which
 * returns the first index of the cells and the one after the last.
 */
export const setUp = (given) => (actions = given);

/** Loads the pictures and the details of all cells. */
export function load() {
  if (isPaused) return;
  actions.showPictures();
  loadDetails();
}

/** Notes a scroll and returns whether it is a fast one. `now` is the time of the frame in ms. */
export function isFast(now) {
  const speed = (Math.abs(scrollY - last.y) / Math.min(now - last.time, 50)) * 1000;
  Object.assign(last, { y: scrollY, time: now });
  return speed > MAX_SPEED * innerHeight;
}

/** Loads pictures during a slow scroll, and everything when the scroll rests. */
export function loadAfterScroll(fast) {
  if (!fast && !isPaused) actions.showPictures();
  clearTimeout(last.rest);
  last.rest = setTimeout(actions.rest, REST);
}

function loadDetails() {
  const [first, end] = actions.span();
  const asked = (details = end ? results.need(first, end - 1) : Promise.resolve());
  const again = () => {
    problem.clear();
    loadDetails();
  };
  asked.catch((error) => problem.show(error, again)).finally(() => {
    if (details === asked) details = null;
    showBusy();
  });
  showBusy();
}

const showBusy = () => (grid.ariaBusy = String(isQuerying || details !== null));

/** Shows whether a query is under way. The grid is busy until the details of its cells have arrived, too. */
export function setBusy(isBusy) {
  isQuerying = isBusy;
  grid.classList.toggle("loading", isBusy);
  showBusy();
}

/** Stops loading thumbnails and details while the reader draws a rectangle. */
export const pause = () => (isPaused = true);

/** Loads again what is visible. */
export function resume() {
  isPaused = false;
  load();
}
