// The report of near-duplicates: groups of pictures that show almost the same, from which the reader can delete.

import * as api from "./api.js";
import { $, ask, make } from "./dom.js";
import { releaseAll, showThumbnail } from "./pictures.js";
import { nodes, sentences } from "./problem.js";
import { bytes, number, onLanguageChange, say } from "./say.js";

const dialog = $("duplicates");
const list = $("duplicates-list");
let actions = {};
/** Progress of the report: images examined, groups shown, and the cursor of the next part (null at the end). */
let examined = 0;
let groups = 0;
let next = null;
let minSimilarity = 0;
let request = new AbortController();
let statusText = () => "";

/** Sets up the dialog. `given` has open(image), and removed(images), which is called after images have been deleted. */
export function setUp(given) {
  actions = given;
  $("duplicates-open").onclick = () => {
    dialog.showModal();
    restart();
  };
  $("duplicates-form").onsubmit = (event) => {
    event.preventDefault();
    restart();
  };
  $("duplicates-more").onclick = loadMore;
  $("duplicates-close").onclick = close;
  dialog.onclick = (event) => {
    if (event.target === dialog) close();
  };
  dialog.onclose = () => {
    request.abort();
    clearList();
  };
  onLanguageChange(() => {
    showStatus(statusText);
    for (const item of list.querySelectorAll(".duplicate")) describe(item);
  });
}

export const close = () => dialog.open && dialog.close();

function clearList() {
  releaseAll(list);
  list.replaceChildren();
}

function restart() {
  [examined, groups, next] = [0, 0, null];
  minSimilarity = $("duplicates-from").valueAsNumber;
  clearList();
  loadMore();
}

/** Gets parts of the report until one has groups, because most parts of a collection have none. */
async function loadMore() {
  request.abort();
  const controller = (request = new AbortController());
  $("duplicates-more").hidden = true;
  const before = list.children.length;
  try {
    do {
      showStatus(() => say("duplicates_looking", { examined: number(examined) }));
      const answer = await api.duplicates(minSimilarity, next, controller.signal);
      if (controller.signal.aborted) return;
      ({ next_cursor: next } = answer);
      examined += answer.examined;
      groups += answer.groups.length;
      list.append(...answer.groups.map(group));
    } while (next !== null && list.children.length === before);
    showStatus(() => say(groups ? "duplicates_found" : "duplicates_none", { groups: number(groups), examined: number(examined) }));
    $("duplicates-more").hidden = next === null;
    // After "Load more" the focus moves to the first of the new groups.
    if (before) list.children[before]?.querySelector("button").focus();
  } catch (error) {
    if (controller.signal.aborted) return;
    showStatus(() => make("span", { className: "bad" }, ...nodes(sentences(error))));
    $("duplicates-more").hidden = next === null;
  }
}

function group({ images, truncated }) {
  const more = truncated ? [make("p", { className: "soft truncated", textContent: say("duplicates_truncated") })] : [];
  return make("li", {}, make("ul", {}, ...images.map(duplicate)), ...more);
}

function duplicate(image) {
  const img = make("img", { decoding: "async", width: image.width, height: image.height });
  const open = make("button", { type: "button", className: "card", title: image.file_name, onclick: () => actions.open(image) }, img);
  open.append(make("span", { className: "distance", ariaHidden: "true" }));
  const button = make("button", { type: "button", className: "danger", onclick: () => remove(item) });
  button.dataset.needs = "write";
  const item = make("li", { image, className: "duplicate" }, open, make("p", {}), button);
  showThumbnail(img, image);
  describe(item);
  return item;
}

function describe(item) {
  const { image } = item;
  const [open, facts, button] = item.children;
  const similarity = number(image.similarity, 3);
  open.firstElementChild.alt = say("duplicate_similarity", { name: image.file_name, similarity });
  open.lastElementChild.textContent = similarity;
  facts.textContent = `${image.file_name} · ${number(image.width)} × ${number(image.height)} · ${bytes(image.bytes)}`;
  button.textContent = say("remove");
  button.ariaLabel = say("remove_one", { name: image.file_name });
}

async function remove(item) {
  const { image } = item;
  $("confirm-text").textContent = say("confirm_remove", { name: image.file_name });
  if ((await ask($("confirm"))) !== "yes") return;
  try {
    await api.remove(image.image_id);
  } catch (error) {
    if (error.status !== 404) return showStatus(() => make("span", { className: "bad" }, ...nodes(sentences(error))));
  }
  actions.removed([image]);
}

/** Removes a deleted picture from the report, and its group when only one picture would be left. */
export function removeImage(id) {
  for (const item of [...list.querySelectorAll(".duplicate")].filter((item) => item.image.image_id === id)) {
    const others = [...item.parentElement.children].filter((other) => other !== item);
    const leaving = others.length > 1 ? item : item.parentElement.parentElement;
    const neighbour = others.length > 1 ? others[0] : leaving.nextElementSibling;
    releaseAll(leaving);
    leaving.remove();
    (neighbour?.querySelector("button") ?? $("duplicates-close")).focus();
  }
}

function showStatus(text) {
  statusText = text;
  $("duplicates-status").replaceChildren(text());
}
