// Selecting by touch: a long press begins a selection, and taps go on with it.

import { $ } from "./dom.js";
import * as results from "./results.js";
import * as selection from "./selection.js";

const grid = $("grid");
const LONG_MS = 500;
/** The way in px that a finger may move while it presses. */
const STILL = 10;

let timer = 0;
let start = null;
let isTouch = false;
/** Whether the press that ends now has selected a picture, so that the click after it opens nothing. */
let isLong = false;

/** Sets up the long press on pictures. */
export function setUp() {
  grid.addEventListener("pointerdown", press);
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) grid.addEventListener(name, () => clearTimeout(timer));
  grid.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (start && Math.hypot(clientX - start.clientX, clientY - start.clientY) > STILL) clearTimeout(timer);
  });
  // Browsers open a menu after a long press on a picture.
  grid.addEventListener("contextmenu", (event) => isTouch && event.preventDefault());
  grid.addEventListener("click", tap, { capture: true });
}

const indexAt = ({ target }) => results.indexOf(Number(target.closest("li[data-id]")?.dataset.id));

function press(event) {
  clearTimeout(timer);
  isTouch = event.pointerType === "touch";
  isLong = false;
  start = isTouch && event.isPrimary ? event : null;
  const index = indexAt(event);
  if (!start || index < 0) return;
  timer = setTimeout(() => {
    isLong = true;
    // Browsers refuse to vibrate before the first tap, and say so in the console.
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(10);
    selection.toggle(index);
  }, LONG_MS);
}

function tap(event) {
  const isOnCard = event.target.closest(".card");
  if (!isTouch || !(isLong || (isOnCard && selection.isOn()))) return;
  event.preventDefault();
  event.stopPropagation();
  if (!isLong) selection.toggle(indexAt(event));
  isLong = false;
}
