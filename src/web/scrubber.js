// The strip of dates at the right edge of a list, which scrolls to a month.

import { $, make } from "./dom.js";
import * as grid from "./grid.js";
import { dateOf, monthsOf, nextYear, placeOf, yearOf } from "./months.js";
import * as results from "./results.js";
import { language, onLanguageChange, say } from "./say.js";

/** The least distance of two years on the strip, as a share of its height. */
const MIN_DISTANCE = 0.045;

const strip = $("scrubber");
let months = [];
/** The month to which a key has led, {place, y}, as long as nothing else scrolls. A row can hold pictures of several months. */
let chosen = null;

/** Sets up the strip. It appears when the results have dates of two months or more. */
export function setUp() {
  results.changed.on((change) => change !== "updated" && findMonths());
  grid.moved.on(showPlace);
  onLanguageChange(() => (showTicks(), showPlace()));
  strip.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    strip.setPointerCapture(event.pointerId);
    strip.classList.add("held");
    scrollTo({ top: heightAt(event), behavior: "instant" });
  });
  strip.addEventListener("pointermove", (event) => {
    if (strip.hasPointerCapture(event.pointerId)) scrollTo({ top: heightAt(event), behavior: "instant" });
    showBubble(strip.hasPointerCapture(event.pointerId) ? null : shareAt(event));
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) strip.addEventListener(name, release);
  strip.addEventListener("keydown", move);
}

function release(event) {
  if (strip.hasPointerCapture(event.pointerId) && event.type === "pointerleave") return;
  strip.classList.remove("held");
  $("scrubber-bubble").hidden = true;
}

function findMonths() {
  const hasDays = !results.isRanked() && results.count() > 0;
  months = hasDays ? monthsOf(results.count(), results.day) : [];
  strip.hidden = months.length < 2;
  chosen = null;
  if (strip.hidden) return;
  strip.ariaValueMax = String(months.length - 1);
  showTicks();
  showPlace();
}

/** The share of the strip at a pointer, from 0 to 1. */
function shareAt({ clientY }) {
  const { top, height } = strip.getBoundingClientRect();
  return Math.min(1, Math.max(0, (clientY - top) / height));
}

/** The height of the page at which the list begins to be seen, and the length over which it scrolls. */
function range() {
  const { top, height } = grid.extent();
  return { top: Math.max(0, top - grid.covered()), length: Math.max(1, height - innerHeight + grid.covered()) };
}

function heightAt(event) {
  const { top, length } = range();
  const share = shareAt(event);
  // The upper end shows what stands above the pictures, too.
  return share === 0 ? 0 : top + share * length;
}

/** The share of the strip at which a picture is the first that is seen. */
const shareOf = (index) => Math.min(1, (grid.topOf(index) - grid.extent().top) / range().length);

function showTicks() {
  const ticks = [];
  let above = -1;
  months.forEach(({ month, first }, place) => {
    if (place && yearOf(months[place - 1].month) === yearOf(month)) return;
    const share = shareOf(first);
    if (share - above < MIN_DISTANCE && above >= 0) return;
    above = share;
    const tick = make("span", { textContent: month === null ? say("undated") : String(yearOf(month)) });
    tick.style.top = `${100 * share}%`;
    ticks.push(tick);
  });
  $("scrubber-ticks").replaceChildren(...ticks);
}

function nameOf(month) {
  if (month === null) return say("undated");
  return new Intl.DateTimeFormat(language().code, { year: "numeric", month: "long", timeZone: "UTC" }).format(dateOf(month));
}

/** Shows which part of the list is seen. */
function showPlace() {
  if (strip.hidden) return;
  const { top, length } = range();
  const share = Math.min(1, Math.max(0, (scrollY - top) / length));
  if (chosen?.y !== scrollY) chosen = null;
  const place = chosen?.place ?? placeOf(months, grid.topIndex());
  $("scrubber-thumb").style.top = `${100 * share}%`;
  strip.ariaValueNow = String(place);
  strip.ariaValueText = nameOf(months[place].month);
  if (strip.classList.contains("held")) showBubble(null);
}

/** Shows the month at a share of the strip, or with null that of the pictures that are seen. */
function showBubble(share) {
  const bubble = $("scrubber-bubble");
  bubble.hidden = false;
  bubble.textContent = share === null ? strip.ariaValueText : nameOf(monthAt(share));
  bubble.style.top = share === null ? $("scrubber-thumb").style.top : `${100 * share}%`;
}

function monthAt(share) {
  const index = grid.indexAt(range().length * share);
  return months[placeOf(months, index)].month;
}

/** Goes to a month with the arrow keys, to a year with PageUp and PageDown, and to the ends. */
function move(event) {
  const place = Number(strip.ariaValueNow);
  const target = {
    ArrowUp: () => place - 1, ArrowLeft: () => place - 1, ArrowDown: () => place + 1, ArrowRight: () => place + 1,
    PageUp: () => nextYear(months, place, -1), PageDown: () => nextYear(months, place, 1), Home: () => 0, End: () => months.length - 1,
  }[event.key]?.();
  if (target === undefined) return;
  event.preventDefault();
  const next = Math.min(months.length - 1, Math.max(0, target));
  grid.scrollToIndex(months[next].first, { align: "top" });
  chosen = { place: next, y: scrollY };
  showPlace();
}
