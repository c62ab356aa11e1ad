// The facts about a picture, as description lists.

import { copyText } from "./copy.js";
import { $, make } from "./dom.js";
import { bytes, date, number, say } from "./say.js";

/** Facts that get a line of their own. */
const LONG = ["prompt", "negative_prompt"];

/** Fills the lists. `actions` has narrow(change), which narrows the filter to the value of a fact, and copied(worked), which is called after a copy. */
export function showFacts(image, actions) {
  const generation = image.generation ?? {};
  list("match", [
    ["distance", image.distance == null ? null : number(image.distance, 4)],
    ["similarity", image.similarity == null ? null : number(image.similarity, 4)],
    ["rank", image.distance == null && image.keyword_rank == null ? null : image.rank],
    ["vector_rank", image.vector_rank],
    ["keyword_rank", image.keyword_rank],
    ["score", image.score == null ? null : number(image.score, 4)],
  ]);
  list("prompt-parts", [
    ["prompt", generation.prompt],
    ["negative_prompt", generation.negative_prompt],
    ["gen_model", link(generation.model, "checkpoint", actions)],
    ["sampler", link(generation.sampler, "sampler", actions)],
    ["steps", generation.steps],
    ["seed", link(generation.seed, "seed", actions)],
    ["loras", generation.loras?.map(lora).join(", ")],
  ]);
  list("file", [
    ["size", `${image.width} × ${image.height}`],
    ["type", `${image.file_type}, ${bytes(image.bytes)}`],
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
    return [make("dt", { className, textContent: say(key) }), make("dd", { className }, value)];
  };
  $(id).replaceChildren(...known.flatMap(row));
}

/** Writes a LoRA with its weight, where the file states the weight. */
function lora({ name, weight }) {
  return weight == null ? name : `${name} (${number(weight, 2)})`;
}

/** Makes a button of a value that narrows the filter to it. */
function link(value, field, actions) {
  if (value == null || value === "") return null;
  const title = say("same_value");
  return make("button", { type: "button", className: "link", title, textContent: value, onclick: () => actions.narrow({ [field]: [String(value)] }) });
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
