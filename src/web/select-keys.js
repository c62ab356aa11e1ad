// Selecting with the keyboard.

import { $ } from "./dom.js";
import * as grid from "./grid.js";
import * as results from "./results.js";
import * as selection from "./selection.js";

const pictures = $("grid");
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

/** Sets up the keys. `given` has selectAll(), tag() and remove(), of which the last two act on the selected pictures. */
export function setUp(given) {
  pictures.addEventListener("keydown", extend);
  // A button is pressed when the space bar comes up.
  pictures.addEventListener("keyup", (event) => event.key === " " && event.target.closest(".card") && event.preventDefault());
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey || isElsewhere(event.target)) return;
    if (press(event, given)) event.preventDefault();
  });
}

/** Whether keys belong to another part of the page. */
const isElsewhere = (target) =>
  document.querySelector("dialog[open]") !== null || target.closest?.("input, textarea, select, header, form, #uploads") != null;

const indexAt = (node) => results.indexOf(Number(node?.closest("li[data-id]")?.dataset.id));

/** Acts on a key. Returns whether the key meant anything. */
function press({ key, target, ctrlKey, metaKey, shiftKey }, { selectAll, tag, remove }) {
  if (ctrlKey || metaKey) return !shiftKey && key.toLowerCase() === "a" && results.count() > 0 && (selectAll(), true);
  // The space bar presses a mark by itself.
  const selects = key === "x" ? target.closest("#grid li") : key === " " ? target.closest("#grid .card") : null;
  if (selects) return selection.toggle(indexAt(selects), { range: shiftKey }), true;
  if (!selection.isOn() || shiftKey) return false;
  if (key === "Escape") return selection.clear(), true;
  if (key === "t") return tag(), true;
  if (key === "Delete") return remove(), true;
  return false;
}

/** Shift and an arrow key move the focus as the arrow key does, and select what lies between. */
function extend(event) {
  const from = indexAt(event.target);
  if (!event.shiftKey || event.ctrlKey || event.metaKey || event.altKey || from < 0 || !ARROWS.includes(event.key)) return;
  event.preventDefault();
  const to = grid.neighbour(from, event.key);
  if (!selection.isRangeAt(from)) selection.startRange(from);
  grid.scrollToIndex(to);
  grid.focus(to, { preventScroll: true });
  selection.extendTo(to);
}
