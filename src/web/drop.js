// Dragged files. While they are over the page, it shows two zones: one searches by the files, the other adds them.

import { $ } from "./dom.js";
import { filesOf } from "./files.js";

const dialog = $("drop");
const zones = [$("drop-search"), $("drop-add")];
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
const zoneOf = (event) => zones.find((zone) => zone.contains(event.target)) ?? null;

/** Sets up dragging. `search(files)` and `add(files)` get the dropped files. */
export function setUp(search, add) {
  addEventListener("dragenter", (event) => {
    // A modal dialog lies on top of all others, so that dropping works over the large view too.
    if (hasFiles(event) && !dialog.open) dialog.showModal();
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event) && event.relatedTarget === null) close();
  });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const zone = zoneOf(event);
    event.dataTransfer.dropEffect = zone ? "copy" : "none";
    highlight(zone);
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const zone = zoneOf(event);
    close();
    if (zone === $("drop-search")) search([...event.dataTransfer.files]);
    if (zone === $("drop-add")) add(await filesOf(event.dataTransfer));
  });
  dialog.onclick = close;
}

function highlight(over) {
  for (const zone of zones) zone.classList.toggle("over", zone === over);
}

function close() {
  highlight(null);
  if (dialog.open) dialog.close();
}
