// The dialog with one large picture and everything known about it.

import * as api from "./api.js";
import { bytes, date, number, say } from "./words.js";

const $ = (id) => document.getElementById(id);
const dialog = $("viewer");
let shown = null;

/**
 * Wires the dialog. `actions` has step(by), closed(), similar(image) and removed(image).
 */
export function setUp(actions) {
  $("previous").onclick = () => actions.step(-1);
  $("next").onclick = () => actions.step(1);
  $("viewer-close").onclick = () => dialog.close();
  dialog.onclose = () => actions.closed();
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.onkeydown = (event) => {
    if (event.target.closest("pre, input") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") actions.step(-1);
    if (event.key === "ArrowRight") actions.step(1);
  };
  // A picture that the browser cannot show itself (TIFF) still has a thumbnail.
  $("large").onerror = () => {
    if (shown && $("large").dataset.path !== shown.links.thumbnail) api.show($("large"), shown.links.thumbnail);
  };
  $("similar").onclick = () => actions.similar(shown);
  $("remove").onclick = () => remove(actions);
  $("download").onclick = download;
}

/** Shows an image; `place` is {first, last} among its neighbours. */
export function open(image, place) {
  shown = image;
  $("viewer-name").textContent = image.file_name;
  $("large").alt = image.caption ?? image.file_name;
  api.show($("large"), image.links.content);
  Object.assign($("download"), { href: image.links.content, download: image.file_name });
  $("previous").disabled = place.first;
  $("next").disabled = place.last;
  $("details").replaceChildren(...facts(image).flatMap(row));
  $("raw").hidden = !image.generation_prompt;
  $("raw-text").textContent = image.generation_prompt ?? "";
  $("facts").scrollTop = 0;
  if (!dialog.open) dialog.showModal();
}

export const isOpen = () => dialog.open;
export const close = () => dialog.open && dialog.close();

/** What is known, as [key of the words, text]; empty ones are left out. */
function facts(image) {
  const parts = image.generation ?? {};
  return [
    ["distance", image.distance == null ? null : number(image.distance, 4)],
    ["vector_rank", image.vector_rank],
    ["keyword_rank", image.keyword_rank],
    ["caption", image.caption],
    ["prompt", parts.prompt],
    ["negative_prompt", parts.negative_prompt],
    ["model_name", parts.model],
    ["sampler", parts.sampler],
    ["steps", parts.steps],
    ["seed", parts.seed],
    ["size", `${image.width} × ${image.height}`],
    ["file", `${image.file_type}, ${bytes(image.bytes)}`],
    ["uploaded", date(image.upload_date)],
  ].filter(([, text]) => text != null && text !== "");
}

function row([key, text]) {
  const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
  dt.textContent = say(key);
  dd.textContent = text;
  return [dt, dd];
}

async function remove(actions) {
  const image = shown;
  $("confirm-text").textContent = say("confirm_remove", { name: image.file_name });
  $("confirm").returnValue = "no";
  $("confirm").showModal();
  await new Promise((done) => $("confirm").addEventListener("close", done, { once: true }));
  if ($("confirm").returnValue === "yes") actions.removed(image);
}

/** With an API key a plain link would be refused: the page fetches the file and saves it. */
async function download(event) {
  if (!api.hasKey()) return;
  event.preventDefault();
  const href = await api.blobUrl(shown.links.content);
  Object.assign(document.createElement("a"), { href, download: shown.file_name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
