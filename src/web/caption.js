// The caption in the large view: shows, edits and saves it.

import * as api from "./api.js";
import { $ } from "./dom.js";
import { say } from "./say.js";

let actions = {};
/** The image whose caption is being edited, or null. */
let editing = null;
/** Unsaved captions by image id. */
const drafts = new Map();

/** Sets up the form. `given` has current() → image, saved(image) and showError(error). */
export function setUp(given) {
  actions = given;
  $("caption-edit").onclick = startEditing;
  $("caption-cancel").onclick = cancel;
  $("caption-form").onsubmit = save;
  $("caption-form").onkeydown = (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(event);
    // Escape ends the editing and does not close the large view.
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    cancel();
  };
}

export function show({ caption }) {
  $("caption-text").textContent = caption || say("no_caption");
  $("caption-text").classList.toggle("soft", !caption);
}

function startEditing() {
  openForm();
  $("caption-value").focus();
}

function openForm() {
  editing = actions.current();
  $("caption-value").value = drafts.get(editing.image_id) ?? editing.caption ?? "";
  setEditing(true);
}

/** Opens the form again when the current image has an unsaved caption. */
export function resume() {
  if (drafts.has(actions.current().image_id)) openForm();
}

/** Ends the editing and keeps an unsaved caption for `resume`. Returns whether there was one. */
export function leave() {
  if (!editing) return false;
  const text = $("caption-value").value;
  const unsaved = text.trim() !== (editing.caption ?? "");
  if (unsaved) drafts.set(editing.image_id, text);
  else drafts.delete(editing.image_id);
  closeForm();
  return unsaved;
}

function cancel() {
  drafts.delete(editing?.image_id);
  closeForm();
  $("caption-edit").focus();
}

function closeForm() {
  editing = null;
  setEditing(false);
}

function setEditing(on) {
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
    drafts.delete(image.image_id);
    if (editing?.image_id === image.image_id) {
      closeForm();
      $("caption-edit").focus();
    }
    actions.saved(image);
  } catch (error) {
    actions.showError(error);
  } finally {
    $("caption-save").disabled = false;
  }
}
