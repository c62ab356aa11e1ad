// Selecting by a rectangle that the reader draws with a mouse or a pen.

import { $ } from "./dom.js";
import * as grid from "./grid.js";
import * as near from "./near.js";
import * as results from "./results.js";
import * as selection from "./selection.js";

const main = $("pictures");
const box = $("lasso");
/** The way in px after which a press is no click any more. */
const DRAG = 6;
/** Near an edge of the window the page scrolls, at most this many px a frame. */
const EDGE = 48;
const FASTEST = 30;

/** The rectangle that is being drawn: where it begins in the page, where the pointer is in the window, and the selection before. */
let drawn = null;

/** Sets up drawing over the pictures. */
export function setUp() {
  addEventListener("pointerdown", press);
  addEventListener("pointermove", move);
  addEventListener("pointerup", () => end());
  addEventListener("pointercancel", () => end());
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drawn?.began) return;
    event.stopImmediatePropagation();
    selection.replace(drawn.before);
    end();
  }, { capture: true });
  // The browser would drag the picture, or select text, instead.
  for (const name of ["dragstart", "selectstart"]) main.addEventListener(name, (event) => drawn && event.preventDefault());
}

/** Whether a rectangle may begin here: beside the pictures, at a mark, and with Shift on a picture too. */
function isGround({ target, shiftKey, clientX }) {
  if (clientX >= document.documentElement.clientWidth) return false; // the scroll bar
  if (target === main || target === document.body || target === document.documentElement) return true;
  return $("grid").contains(target) && (shiftKey || target.closest(".mark") || !target.closest("button"));
}

function press(event) {
  if (event.button !== 0 || event.pointerType === "touch" || !isGround(event)) return;
  const { clientX: x, clientY: y, pointerId } = event;
  const takesAway = event.ctrlKey || event.metaKey;
  drawn = { left: x + scrollX, top: y + scrollY, x, y, pointerId, takesAway, before: selection.ids(), began: false, shown: "" };
}

function move({ clientX, clientY, pointerId }) {
  if (!drawn || pointerId !== drawn.pointerId) return;
  [drawn.x, drawn.y] = [clientX, clientY];
  if (drawn.began || Math.hypot(clientX + scrollX - drawn.left, clientY + scrollY - drawn.top) < DRAG) return;
  drawn.began = true;
  // A captured pointer makes no click of the button on which the rectangle began.
  main.setPointerCapture(pointerId);
  near.pause();
  box.hidden = false;
  requestAnimationFrame(draw);
}

function end() {
  if (drawn?.began) {
    draw();
    box.hidden = true;
    near.resume();
    addEventListener("click", noClick, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", noClick, { capture: true }));
  }
  drawn = null;
}

const noClick = (event) => event.stopImmediatePropagation();

function draw() {
  if (!drawn) return;
  const { x, y, before, takesAway } = drawn;
  const bottom = innerHeight - EDGE;
  const top = grid.covered() + EDGE;
  const speed = y > bottom ? (y - bottom) / EDGE : y < top && scrollY > 0 ? (y - top) / EDGE : 0;
  if (speed) scrollBy({ top: FASTEST * Math.max(-1, Math.min(1, speed)), behavior: "instant" });
  const [left, above] = [drawn.left - scrollX, drawn.top - scrollY];
  const rect = { left: Math.min(left, x), top: Math.min(above, y), right: Math.max(left, x), bottom: Math.max(above, y) };
  box.style.setProperty("translate", `${rect.left}px ${rect.top}px`);
  box.style.setProperty("width", `${rect.right - rect.left}px`);
  box.style.setProperty("height", `${rect.bottom - rect.top}px`);
  const touched = grid.indexesIn(rect);
  const shown = `${touched.length} ${touched[0]} ${touched.at(-1)}`;
  if (shown !== drawn.shown) {
    drawn.shown = shown;
    const ids = touched.map(results.id);
    const gone = new Set(takesAway ? ids : []);
    selection.replace([...before, ...ids].filter((id) => !gone.has(id)));
  }
  requestAnimationFrame(draw);
}
