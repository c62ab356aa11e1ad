// The caption of the large picture: read, edit, save.

import * as api from "./api.js";
import { $ } from "./dom.js";
import { say } from "./say.js";

let actions = {};

/** Wires the form. `given` has current() → image, saved(image) and complain(error). */
export function setUp(given) {
  actions = given;
  $("caption-edit").onclick = start;
  $("caption-cancel").onclick = () => stop(true);
  $("caption-form").onsubmit = save;
  $("caption-form").onkeydown = (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(event);
    // Escape leaves the editing, not the picture.
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    stop(true);
  };
}

export function show({ caption }) {
  $("caption-text").textContent = caption || say("no_caption");
  $("caption-text").classList.toggle("soft", !caption);
}

function start() {
  $("caption-value").value = actions.current().caption ?? "";
  edit(true);
  $("caption-value").focus();
}

/** Leaves the editing without saving. */
export function stop(focus = false) {
  edit(false);
  if (focus) $("caption-edit").focus();
}

function edit(on) {
  $("caption-form").hidden = !on;
  $("caption-text").hidden = on;
  $("caption-edit").hidden = on;
}

async function save(event) {
  event.preventDefault();
  const text = $("caption-value").value.trim();
  $("caption-save").disabled = true;
  try {
    const image = await api.setCaption(actions.current().image_id, text || null);
    if (actions.current()?.image_id === image.image_id) stop(true);
    actions.saved(image);
  } catch (error) {
    actions.complain(error);
  } finally {
    $("caption-save").disabled = false;
  }
}
