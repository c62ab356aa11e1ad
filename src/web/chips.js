// The chips below the query line: one for each field, and one for each word that is left out.

import { $, make } from "./dom.js";
import * as route from "./route.js";
import { onLanguageChange, say } from "./say.js";

/** The items of the query line, as the service has read it. */
let items = [];

export function setUp() {
  onLanguageChange(render);
}

/** Shows the items of a line. Plain words need no chip: the field shows them. */
export function showLine(found) {
  items = found;
  render();
}

/** Shows the excluded text, the filter and the order of a query, each with a button that removes it. */
export function showQuery(query) {}

function render() {
  const chips = items.filter(({ field, without }) => field || without).map(lineChip);
  $("line").replaceChildren(...chips);
  $("line").hidden = !chips.length;
}

function lineChip(item) {
  const { field, value, without } = item;
  const text = field ? say(`line_${field}`, { value: field === "has" ? say(`has_${value}`) : value }) : value;
  const others = items.filter((other) => other !== item).map(({ written }) => written);
  return chip(without ? say("line_without", { value: text }) : text, () => route.navigate({ text: others.join(" ") }));
}

function chip(shown, remove) {
  const label = say("line_remove", { value: shown });
  const button = make("button", { type: "button", textContent: "×", title: label, ariaLabel: label, onclick: remove });
  return make("li", {}, make("span", { textContent: shown }), button);
}
