// Swiping in the large view: sideways to the next picture, down to close.

import * as api from "./api.js";
import { $ } from "./dom.js";

/** The movement in px after which a touch is a swipe. */
const SLOP = 10;
/** The share of the view, and the speed in px per ms, from which a swipe counts. */
const FAR = 0.2;
const FAST = 0.5;
const LEAVE_MS = 130;
/** The largest original that is loaded ahead, in bytes. */
const MAX_AHEAD = 4_000_000;

const stage = $("stage");
const large = $("large");
const viewer = $("viewer");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let actions = {};
/** The touch that may become a swipe: {id, x, y, at, axis}; `axis` is "x", "y", or null while it is undecided. */
let touch = null;

/**
 * Sets up swiping. `given` has step(by), which returns a promise, close(), and neighbour(by), which returns the image
 * before or after the open one when it is loaded.
 */
export function setUp(given) {
  actions = given;
  stage.addEventListener("pointerdown", begin);
  stage.addEventListener("pointermove", follow);
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", cancel);
  // The style sheet leaves to the browser what the finger does in an enlarged or a scrolled view.
  viewer.addEventListener("scroll", () => viewer.classList.toggle("scrolled", viewer.scrollTop > 0), { passive: true });
  visualViewport?.addEventListener("resize", () => viewer.classList.toggle("zoomed", visualViewport.scale > 1));
  large.addEventListener("load", loadAhead);
}

function begin({ pointerType, isPrimary, pointerId, clientX, clientY, timeStamp }) {
  // A second finger enlarges the picture.
  if (!isPrimary) return cancel();
  if (pointerType === "mouse" || viewer.classList.contains("zoomed")) return;
  touch = { id: pointerId, x: clientX, y: clientY, at: timeStamp, axis: null };
}

/** The way of a touch along its axis, in px. */
const way = ({ clientX, clientY }) => (touch.axis === "x" ? clientX - touch.x : clientY - touch.y);

function follow(event) {
  if (event.pointerId !== touch?.id) return;
  touch.axis ??= axisOf(event.clientX - touch.x, event.clientY - touch.y);
  if (!touch.axis) return;
  const moved = way(event);
  if (touch.axis === "x") shift(canStep(moved) ? moved : moved / 4, 0);
  else shift(0, Math.max(0, moved));
}

function axisOf(x, y) {
  if (Math.hypot(x, y) < SLOP) return null;
  if (Math.abs(x) > Math.abs(y)) return "x";
  return viewer.scrollTop === 0 && y > 0 ? "y" : null;
}

/** Whether there is a picture where the finger pulls to. */
const canStep = (moved) => !$(moved > 0 ? "previous" : "next").disabled;

const shift = (x, y) => (large.style.translate = `${x}px ${y}px`);

async function end(event) {
  if (event.pointerId !== touch?.id) return;
  const { axis, at } = touch;
  const moved = axis ? way(event) : 0;
  touch = null;
  const length = axis === "x" ? stage.clientWidth : stage.clientHeight;
  const counts = Math.abs(moved) > length * FAR || (Math.abs(moved) > 3 * SLOP && Math.abs(moved) / (event.timeStamp - at) > FAST);
  if (counts && axis === "y" && moved > 0) actions.close();
  if (counts && axis === "x" && canStep(moved)) await leave(Math.sign(moved) * length);
  rest();
}

/** Moves the picture out of the view, and the next one in from the other side. */
async function leave(x) {
  await slide(large.style.translate, `${x}px 0px`);
  shift(x, 0);
  await actions.step(x > 0 ? -1 : 1);
  shift(0, 0);
  slide(`${-x}px 0px`, "0px 0px");
}

/** Animates the picture. Resolves at the end, or when the view closes before. */
const slide = (from, to) =>
  large.animate({ translate: [from, to] }, { duration: still.matches ? 0 : LEAVE_MS, easing: "ease-out" }).finished.catch(() => {});

function cancel() {
  touch = null;
  rest();
}

/** Puts the picture back into its place. */
function rest() {
  if (!touch) large.style.translate = "";
}

/** Loads the originals beside the open one, so that a swipe shows them at once. With a key only the page itself can load them. */
function loadAhead() {
  if (api.key() || navigator.connection?.saveData) return;
  for (const by of [1, -1]) {
    const image = actions.neighbour(by);
    if (image && image.bytes <= MAX_AHEAD) Object.assign(new Image(), { fetchPriority: "low", src: `images/${image.image_id}/content` });
  }
}
