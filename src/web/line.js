// The chips below the query line: one for each field, and one for each word that is left out.

import { $, make } from "./dom.js";
import { onLanguageChange, say } from "./say.js";

let items = [];
let removeItem = () => {};

/** Sets up the chips. `remove(line)` gets the line without the item whose button was pressed. */
export function setUp(remove) {
  removeItem = remove;
  onLanguageChange(() => show(items));
}

/** Shows the items of a line. Plain words need no chip: the field shows them. */
export function show(found) {
  items = found;
  const chips = items.filter(({ field, without }) => field || without).map(chip);
  $("line").replaceChildren(...chips);
  $("line").hidden = !chips.length;
}

function chip(item) {
  const { field, value, without } = item;
  const text = field ? say(`line_${field}`, { value: field === "has" ? say(`has_${value}`) : value }) : value;
  const shown = without ? say("line_without", { value: text }) : text;
  const label = say("line_remove", { value: shown });
  const onclick = () => removeItem(items.filter((other) => other !== item).map(({ written }) => written).join(" "));
  return make("li", {}, make("span", { textContent: shown }), make("button", { type: "button", textContent: "×", title: label, ariaLabel: label, onclick }));
}
