// The menu "⋯" of narrow screens, which holds the tools of the bar. phone.css decides which screens are narrow.

import { $ } from "./dom.js";

/** Sets up the menu. */
export function setUp() {
  // A button closes the menu. A search mode and an order do not, because the arrow keys step through them.
  $("tools").addEventListener("click", (event) => event.target.closest("button, a") && $("tools").hidePopover());
  // A wide screen has no button to close the menu with.
  addEventListener("resize", () => $("menu-open").checkVisibility() || $("tools").hidePopover());
}
