// Dragged files. While they are over the page, it shows two zones: one searches by the files, the other adds them.

import { $ } from "./dom.js";
import { filesOf } from "./files.js";

const dialog = $("drop");
const zones = [$("drop-search"), $("drop-add")];
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const zoneOf = (event) => zones.find((zone) => zone.contains(event.target)) ?? null;

/** Sets up dragging. `search(files)` and `add(files)` get the dropped files. */
export function setUp(search, add) {
  addEventListener("dragenter", (event) => {
    // A modal dialog lies on top of all others, so that dropping works over the large view too.
    if (carriesFiles(event) && !dialog.open) dialog.showModal();
  });
  addEventListener("dragleave", (event) => {
    if (carriesFiles(event) && event.relatedTarget === null) end();
  });
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const zone = zoneOf(event);
    event.dataTransfer.dropEffect = zone ? "copy" : "none";
    mark(zone);
  });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const zone = zoneOf(event);
    end();
    if (zone === $("drop-search")) search([...event.dataTransfer.files]);
    if (zone === $("drop-add")) add(await filesOf(event.dataTransfer));
  });
  dialog.onclick = end;
}

function mark(over) {
  for (const zone of zones) zone.classList.toggle("over", zone === over);
}

function end() {
  mark(null);
  if (dialog.open) dialog.close();
}
