// The facts about a picture, as description lists.

import { copyText } from "./copy.js";
import { $, make } from "./dom.js";
import { bytes, clockTime, date, number, say } from "./say.js";

/** Facts that get a line of their own. */
const LONG = ["prompt", "negative_prompt"];

/** Fills the lists. `actions` has narrow(change), which narrows the filter to the value of a fact, and copied(worked), which is called after a copy. */
export function showFacts(image, actions) {
  const generation = image.generation ?? {};
  const link = (value, field) => (value == null || value === "" ? null : linkTo(value, { [field]: [String(value)] }, actions));
  list("match", [
    ["distance", image.distance == null ? null : number(image.distance, 4)],
    ["similarity", image.similarity == null ? null : number(image.similarity, 4)],
    ["relevance", image.relevance == null ? null : number(image.relevance, 2)],
    ["rank", image.distance == null && image.keyword_rank == null ? null : image.rank],
    ["vector_rank", image.vector_rank],
    ["keyword_rank", image.keyword_rank],
    ["score", image.score == null ? null : number(image.score, 4)],
  ]);
  list("prompt-parts", [
    ["prompt", generation.prompt],
    ["negative_prompt", generation.negative_prompt],
    ["gen_model", link(generation.model, "checkpoint")],
    ["sampler", link(generation.sampler, "sampler")],
    ["steps", generation.steps],
    ["seed", link(generation.seed, "seed")],
    ["loras", joined((generation.loras ?? []).map((lora) => loraLink(lora, actions)), ", ")],
  ]);
  list("file", [
    ["size", `${image.width} × ${image.height}`],
    ["type", `${image.file_type}, ${bytes(image.bytes)}`],
    ["taken", takenLink(image.taken_at, actions)],
    ["camera", link(image.camera, "camera")],
    ["folder", joined(folderLinks(image.source_path, actions), " / ")],
    ["uploaded", date(image.upload_date)],
    ["image_id", image.image_id],
  ]);
  $("match-group").hidden = !$("match").childElementCount;
  $("no-prompt").hidden = image.generation_prompt != null;
  $("raw").hidden = image.generation_prompt == null;
  $("raw-cut").hidden = !generation.truncated;
  $("raw-text").textContent = image.generation_prompt ?? "";
  $("copy").hidden = image.generation_prompt == null;
  $("copy").onclick = async () => actions.copied(await copy(generation.prompt ?? image.generation_prompt));
}

function list(id, facts) {
  const known = facts.filter(([, value]) => value != null && value !== "");
  const row = ([key, value]) => {
    const className = LONG.includes(key) ? "long" : "";
    return [make("dt", { className, textContent: say(key) }), make("dd", { className }, ...[value].flat())];
  };
  $(id).replaceChildren(...known.flatMap(row));
}

/** Puts a text between nodes; null when there are none. */
const joined = (nodes, between) => (nodes.length ? nodes.flatMap((node, index) => (index ? [between, node] : [node])) : null);

/** Makes a button of a value that narrows the filter by a change. */
const linkTo = (value, change, { narrow }) =>
  make("button", { type: "button", className: "link", title: say("same_value"), textContent: value, onclick: () => narrow(change) });

/** Makes a link of a LoRA with its weight, where the file states the weight. */
function loraLink({ name, weight }, actions) {
  return linkTo(weight == null ? name : `${name} (${number(weight, 2)})`, { lora: [name] }, actions);
}

/** Makes a link of the time of taking, by the clock of the camera, that leads to its day. */
function takenLink(time, actions) {
  if (time == null) return null;
  const day = time.slice(0, 10);
  return linkTo(clockTime(time), { taken_from: day, taken_to: day }, actions);
}

/** Makes a link of each folder on the way to the file. */
function folderLinks(path, actions) {
  const parts = (path ?? "").split("/").filter(Boolean).slice(0, -1);
  return parts.map((part, index) => linkTo(part, { folder: [`/${parts.slice(0, index + 1).join("/")}`] }, actions));
}

/** Copies a text. Where the browser refuses (an insecure address), selects the stored prompt instead. Returns whether it copied. */
async function copy(text) {
  const worked = await copyText(text);
  if (!worked) {
    $("raw").open = true;
    getSelection().selectAllChildren($("raw-text"));
  }
  return worked;
}
