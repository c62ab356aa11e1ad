// The large view: a dialog with one picture and its facts.

import * as api from "./api.js";
import * as caption from "./caption.js";
import { $, ask, make } from "./dom.js";
import { downloadOne } from "./download.js";
import { showFacts } from "./facts.js";
import { release, show } from "./pictures.js";
import { nodes, sentences } from "./problem.js";
import { MAX_PICTURES } from "./query.js";
import { files, query } from "./route.js";
import { onLanguageChange, say } from "./say.js";
import * as tags from "./tags.js";

const dialog = $("viewer");
const large = $("large");
let shown = null;
let actions = {};

/** Sets up the dialog. `given` has step(by), closed(image), similar(image), include(image), narrow(change), removed(image), changed(image). */
export function setUp(given) {
  actions = given;
  $("previous").onclick = () => actions.step(-1);
  $("next").onclick = () => actions.step(1);
  $("viewer-close").onclick = () => dialog.close();
  dialog.onclose = () => {
    release(large);
    caption.leave();
    tags.leave();
    actions.closed(shown);
  };
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.onkeydown = onKeyDown;
  // A picture that the browser cannot show itself (TIFF, HEIC) still has a thumbnail.
  large.onerror = showSmaller;
  large.onload = () => ($("stage").ariaBusy = "false");
  $("similar").onclick = () => actions.similar(shown);
  $("include").onclick = () => actions.include(shown);
  $("remove").onclick = remove;
  $("download").onclick = download;
  for (const text of [caption, tags]) text.setUp({ current: () => shown, saved, showError });
  onLanguageChange(() => shown && describe());
}

/** Shows an image. `place` is {first, last}: whether the image is the first or the last of the results. */
export function open(image, place) {
  const before = shown;
  const kept = [caption.leave() && "caption_kept", tags.leave() && "tags_kept"].filter(Boolean);
  shown = image;
  showStatus(before && before.image_id !== image.image_id ? kept.map((key) => say(key, { name: before.file_name })).join(" ") : "");
  $("stage").ariaBusy = "true";
  // The frame gets the picture's size before the picture has arrived, and enlarges it at most twice.
  large.style.setProperty("--width", image.width);
  large.style.setProperty("--height", image.height);
  // A key that may only search sees thumbnails.
  const path = `images/${image.image_id}/content`;
  show(large, path).catch((error) => (api.isBeyondKey(error) ? shown === image && showSmaller() : showError(error)));
  Object.assign($("download"), { href: path, download: image.file_name });
  const focused = document.activeElement;
  $("previous").disabled = place.first;
  $("next").disabled = place.last;
  describe();
  if (image.texts_shortened) fetchTexts(image);
  caption.resume();
  tags.resume();
  $("facts").scrollTop = 0;
  if (!dialog.open) dialog.showModal();
  // A disabled button loses the focus, and the arrow keys would stop working.
  else if (focused?.disabled) $("viewer-close").focus();
}

function showSmaller() {
  const path = `images/${shown.image_id}/thumbnail?size=1024`;
  if (large.dataset.path && large.dataset.path !== path) show(large, path).catch(showError);
}

/** Fetches the whole texts of an image, which lists carry shortened, and shows them. */
async function fetchTexts(image) {
  try {
    const { caption: text, tags: words, generation_prompt, generation } = await api.image(image.image_id);
    Object.assign(image, { caption: text, tags: words, generation_prompt, generation, texts_shortened: false });
    if (shown !== image) return;
    describe();
    caption.resume();
    tags.resume();
  } catch (error) {
    if (shown === image) showError(error);
  }
}

export const isOpen = () => dialog.open;
export const close = () => dialog.open && dialog.close();

function describe() {
  $("viewer-name").textContent = shown.file_name;
  large.alt = shown.caption || shown.file_name;
  const { text, like } = query();
  $("include").hidden = !(text || like.length || files().length) || like.includes(shown.image_id) || like.length + files().length >= MAX_PICTURES;
  caption.show(shown);
  tags.show(shown, actions.narrow);
  // A shortened text must not be saved in place of the whole one.
  for (const text of [caption, tags]) text.allow(!shown.texts_shortened);
  showFacts(shown, { narrow: actions.narrow, copied: (worked) => showStatus(say(worked ? "copied" : "copy_failed")) });
}

/** Shows a text in the live region of the dialog, because screen readers do not read that of the page behind it. */
function showStatus(...words) {
  $("viewer-status").replaceChildren(...words);
}

function showError(error) {
  if (dialog.open) showStatus(make("span", { className: "bad" }, ...nodes(sentences(error))));
}

function onKeyDown(event) {
  if (event.target.closest("pre, input, textarea") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") actions.step(-1);
  if (event.key === "ArrowRight") actions.step(1);
}

function saved(image, text) {
  actions.changed(image);
  if (shown?.image_id !== image.image_id) return;
  Object.assign(shown, { caption: image.caption, tags: image.tags });
  describe();
  showStatus(say(`${text}_saved`));
}

async function remove() {
  const image = shown;
  $("confirm-text").textContent = say("confirm_remove", { name: image.file_name });
  if ((await ask($("confirm"))) !== "yes") return;
  try {
    await api.remove(image.image_id);
  } catch (error) {
    // 404 means that the image has been deleted already.
    if (error.status !== 404) return showError(error);
  }
  actions.removed(image);
}

/** Fetches the file and saves it when the page has an API key, because the server would refuse a plain link. */
async function download(event) {
  if (!api.key()) return;
  event.preventDefault();
  await downloadOne(shown).catch(showError);
}
