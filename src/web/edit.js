// A text of a picture that the reader can edit in the large view: its form, its unsaved drafts, and its saving.

import { $ } from "./dom.js";

/**
 * Makes the editor of the elements whose ids begin with `name`: "-text", "-edit", "-form", "-value", "-save" and
 * "-cancel". `text(image)` returns the text for the form, and `send(image, text)` saves the trimmed text and returns a
 * promise of the changed image.
 */
export function makeEditor(name, { text, send }) {
  const part = (suffix) => $(`${name}-${suffix}`);
  let actions = {};
  /** The image whose text is being edited, or null. */
  let editing = null;
  /** Unsaved texts by image id. */
  const drafts = new Map();

  /** Sets up the form. `given` has current() → image, saved(image, name) and showError(error). */
  function setUp(given) {
    actions = given;
    part("edit").onclick = () => {
      openForm();
      part("value").focus();
    };
    part("cancel").onclick = cancel;
    part("form").onsubmit = save;
    part("form").onkeydown = (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(event);
      // Escape ends the editing and does not close the large view.
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      cancel();
    };
  }

  function openForm() {
    editing = actions.current();
    part("value").value = drafts.get(editing.image_id) ?? text(editing);
    setEditing(true);
  }

  /** Lets the text be edited or not. */
  function allow(allowed) {
    part("edit").disabled = !allowed;
  }

  /** Opens the form again when the current image has an unsaved text. */
  function resume() {
    if (drafts.has(actions.current().image_id) && !part("edit").disabled) openForm();
  }

  /** Ends the editing and keeps an unsaved text for `resume`. Returns whether there was one. */
  function leave() {
    if (!editing) return false;
    const draft = part("value").value;
    const unsaved = draft.trim() !== text(editing);
    if (unsaved) drafts.set(editing.image_id, draft);
    else drafts.delete(editing.image_id);
    closeForm();
    return unsaved;
  }

  function cancel() {
    drafts.delete(editing?.image_id);
    closeForm();
    part("edit").focus();
  }

  function closeForm() {
    editing = null;
    setEditing(false);
  }

  function setEditing(on) {
    part("form").hidden = !on;
    part("text").hidden = on;
    part("edit").hidden = on;
  }

  async function save(event) {
    event.preventDefault();
    part("save").disabled = true;
    try {
      const image = await send(actions.current(), part("value").value.trim());
      drafts.delete(image.image_id);
      if (editing?.image_id === image.image_id) {
        closeForm();
        part("edit").focus();
      }
      actions.saved(image, name);
    } catch (error) {
      actions.showError(error);
    } finally {
      part("save").disabled = false;
    }
  }

  return { setUp, allow, resume, leave };
}
