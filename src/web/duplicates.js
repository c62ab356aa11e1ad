// The review of near-duplicates: loads the groups, and deletes what the reader does not keep.

import * as api from "./api.js";
import { $, ask, make } from "./dom.js";
import { inheritance } from "./duplicate-groups.js";
import { whole } from "./copy.js";
import { changeAll, removeAll } from "./many.js";
import { nodes, sentences } from "./problem.js";
import * as review from "./review.js";
import { bytes, number, onLanguageChange, say } from "./say.js";
import { releaseAll } from "./thumbnails.js";

const dialog = $("duplicates");
const list = $("duplicates-list");
let actions = {};
/** Progress of the report: images examined, groups found, and the cursor of the next part (null at the end). */
let examined = 0;
let found = 0;
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
  $("duplicates-more").onclick = () => load();
  $("duplicates-keep").onclick = deleteAll;
  $("duplicates-close").onclick = close;
  dialog.onclick = (event) => {
    if (event.target === dialog) close();
  };
  dialog.addEventListener("keydown", (event) => review.press(event, list));
  dialog.onclose = () => {
    request.abort();
    clearList();
  };
  onLanguageChange(() => {
    showStatus(statusText);
    groups().forEach(review.describe);
    showCount();
  });
}

export const close = () => dialog.open && dialog.close();

const groups = () => [...list.children];

function clearList() {
  releaseAll(list);
  list.replaceChildren();
  showCount();
}

function restart() {
  [examined, found, next] = [0, 0, null];
  minSimilarity = $("duplicates-from").valueAsNumber;
  clearList();
  load();
}

/** Gets parts of the report until one has groups, because most parts of a collection have none; with `all` up to the end. Returns whether that worked. */
async function load({ all = false } = {}) {
  request.abort();
  const controller = (request = new AbortController());
  $("duplicates-more").hidden = true;
  const before = list.children.length;
  try {
    do {
      showStatus(() => say("duplicates_looking", { examined: number(examined) }));
      const answer = await api.duplicates(minSimilarity, next, controller.signal);
      if (controller.signal.aborted) return false;
      ({ next_cursor: next } = answer);
      examined += answer.examined;
      for (const group of answer.groups) list.append(review.group(group, ++found, { open: actions.open, changed: showCount, deleteOthers }));
      showCount();
    } while (next !== null && (all || list.children.length === before));
    showStatus(() => say(found ? "duplicates_found" : "duplicates_none", { groups: number(found), examined: number(examined) }));
    $("duplicates-more").hidden = next === null;
    // After "Load more" the focus moves to the first of the new groups.
    if (before && !all) list.children[before]?.focus();
    return true;
  } catch (error) {
    if (!controller.signal.aborted) showFailure(nodes(sentences(error)));
    $("duplicates-more").hidden = next === null;
    return false;
  }
}

/** Shows how many pictures the one button deletes, which is known when the whole report has been loaded. */
function showCount() {
  const count = groups().flatMap(review.leaving).length;
  $("duplicates-all").hidden = !count;
  $("duplicates-keys").hidden = !list.children.length;
  $("duplicates-keep").textContent = next === null ? say("delete_all_others", { count: number(count) }) : say("delete_all_others_unknown");
}

async function deleteAll() {
  if (next === null || (await load({ all: true }))) await deleteOthers(...groups());
}

/** Deletes what the reader does not keep of some groups, after a yes. */
async function deleteOthers(...chosen) {
  const images = chosen.flatMap(review.leaving);
  if (!images.length) return;
  const size = images.reduce((sum, image) => sum + image.bytes, 0);
  $("confirm-text").textContent = say("confirm_delete_others", { count: number(images.length), bytes: bytes(size) });
  if ((await ask($("confirm"))) !== "yes") return;
  setBusy(true);
  try {
    await deleteNow(chosen);
  } catch (error) {
    showFailure(nodes(sentences(error)));
  } finally {
    setBusy(false);
  }
}

/** A group whose texts could not be taken over stays whole. */
async function deleteNow(chosen) {
  const all = chosen.flatMap(review.leaving);
  const ids = [];
  let reason = "";
  const progress = (done) => showStatus(() => say("deleting", { done: number(done), count: number(all.length) }));
  progress(0);
  for (const group of chosen) {
    const kept = $("duplicates-merge").checked ? await takeOver(group) : { failed: [] };
    if (kept.failed.length) reason ||= kept.reason;
    else ids.push(...review.leaving(group).map((image) => image.image_id));
  }
  const result = await removeAll(ids, undefined, progress);
  const gone = new Set(result.done);
  const images = all.filter((image) => gone.has(image.image_id));
  if (images.length) actions.removed(images);
  const values = { count: number(images.length), failed: number(all.length - images.length), reason: reason || result.reason };
  if (images.length === all.length) return showStatus(() => say("removed_n", values));
  showFailure([say("remove_failed_n", { ...values, count: number(all.length) })]);
}

/** Gives the tags and texts of the pictures that leave a group to the one that is kept. */
async function takeOver(group) {
  const [kept, ...leaving] = await whole([review.heir(group), ...review.leaving(group)]);
  const change = inheritance(kept, leaving);
  return change ? changeAll([kept.image_id], change) : { failed: [] };
}

function setBusy(busy) {
  for (const button of dialog.querySelectorAll(".danger, #duplicates-form button, #duplicates-more")) button.disabled = busy;
}

/** Removes a deleted picture from the review, and its group when only one picture would be left. */
export function removeImage(id) {
  for (const group of groups().filter((one) => review.images(one).some((image) => image.image_id === id))) {
    if (review.images(group).length > 2) {
      review.remove(group, id);
      continue;
    }
    const neighbour = group.nextElementSibling ?? group.previousElementSibling;
    const hadFocus = group.contains(document.activeElement);
    releaseAll(group);
    group.remove();
    if (hadFocus || document.activeElement === document.body) (neighbour ?? $("duplicates-close")).focus();
  }
  showCount();
}

function showStatus(text) {
  statusText = text;
  $("duplicates-status").replaceChildren(text());
}

const showFailure = (words) => showStatus(() => make("span", { className: "bad" }, ...words));
