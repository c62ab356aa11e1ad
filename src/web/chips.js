// The chips below the search field: what the query asks for besides plain words and pictures, each with a button that
// removes it.

import { $, make } from "./dom.js";
import { signal } from "./events.js";
import { FIELDS } from "./filter-fields.js";
import { EMPTY, SORTS } from "./query.js";
import * as route from "./route.js";
import { day, number, onLanguageChange, say } from "./say.js";

/** Tells that the service has read the line of a query. */
export const lineRead = signal();

/** The items of the query line, as the service has read it. */
let items = [];

export function setUp() {
  onLanguageChange(render);
}

/** Shows the items of a line. Plain words need no chip: the field shows them. */
export function showLine(found) {
  items = found;
  render();
  lineRead.emit();
}

/** Shows the excluded text, the filter and the order of a query. */
export function showQuery() {
  render();
}

const isField = ({ field, without }) => field || without;
const isByPicture = () => route.query().like.length > 0 || route.files().length > 0;

/** Whether the query compares words or pictures, so that its results have an order of their own. */
export const isRanked = () => isByPicture() || items.some((item) => !isField(item));

/** Whether the facets can count the results: a search by keywords finds exactly those that its words let pass. */
export const isCountable = () => !isRanked() || (route.query().mode === "keyword" && !isByPicture());

/** The part of the line that narrows without ranking: all of it when the search is by keywords, else its fields. */
export function fieldsOfLine() {
  const { text, mode } = route.query();
  if (isByPicture()) return "";
  return mode === "keyword" ? text : written(items.filter(isField));
}

const written = (some) => some.map((item) => item.written).join(" ");

function render() {
  const chips = [...items.filter(isField).map(lineChip), ...queryChips(route.query())];
  const all = make("button", { type: "button", className: "link", id: "line-clear", textContent: say("clear_all"), onclick: clearAll });
  $("line").replaceChildren(...chips, ...(chips.length > 1 ? [make("li", {}, all)] : []));
  $("line").hidden = !chips.length;
}

/** Searches by the plain words and the pictures alone. */
function clearAll() {
  const text = isByPicture() ? route.query().text : written(items.filter((item) => !isField(item)));
  route.navigate({ text, negative: "", filter: {}, sort: EMPTY.sort, order: EMPTY.order });
  leave();
}

/** Moves the focus to the results. The search field would open the keyboard of a phone. */
const leave = () => $("pictures").focus({ preventScroll: true });

function lineChip(item) {
  const { field, value, without } = item;
  const text = field ? say(`line_${field}`, { value: field === "has" ? say(`has_${value}`) : value }) : value;
  const others = items.filter((other) => other !== item);
  return chip(without ? say("line_without", { value: text }) : text, { text: written(others) });
}

/** The chips of everything that stands in the address besides the line and the pictures. */
function queryChips({ negative, filter, sort, order }) {
  const chips = FIELDS.flatMap((field) => fieldChips(field, filter));
  if (negative) chips.unshift(chip(say("chip", { name: say("negative"), value: negative }), { negative: "" }));
  if ((sort !== EMPTY.sort || order !== EMPTY.order) && !isRanked()) {
    const key = SORTS[sort].length > 1 ? `sort_${sort}_${order}` : `sort_${sort}`;
    chips.push(chip(say("chip", { name: say("sort"), value: say(key) }), { sort: EMPTY.sort, order: EMPTY.order }));
  }
  return chips;
}

function fieldChips({ names, label, kind, chip: key, without }, filter) {
  const values = names.map((name) => filter[name]);
  if (values.every((value) => value === undefined)) return [];
  if (kind === "texts" || kind === "list") {
    const [name] = names;
    return filter[name].map((value) => {
      const text = say(key, { value: kind === "list" ? value.replace("image/", "") : value });
      const others = filter[name].filter((other) => other !== value);
      return chip(without ? say("line_without", { value: text }) : text, withFilter({ [name]: others.length ? others : undefined }));
    });
  }
  const change = Object.fromEntries(names.map((name) => [name, undefined]));
  return [chip(say("chip", { name: say(label), value: textOf(kind, values) }), withFilter(change))];
}

/** The text of a value, or of a range whose ends are given. */
function textOf(kind, [from, to]) {
  if (kind === "choice") return say(from === "yes" ? "f_yes" : "f_no");
  if (kind === "text") return from;
  const shown = (value) => (kind === "days" ? day(value) : number(Number(value), value.split(".")[1]?.length ?? 0));
  if (from !== undefined && from === to) return shown(from);
  if (to === undefined) return say(kind === "days" ? "chip_since" : "chip_from", { from: shown(from) });
  if (from === undefined) return say(kind === "days" ? "chip_until" : "chip_to", { to: shown(to) });
  return say("chip_range", { from: shown(from), to: shown(to) });
}

/** A change of the query that changes fields of its filter; undefined removes a field. */
function withFilter(change) {
  const filter = { ...route.query().filter, ...change };
  return { filter: Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) };
}

function chip(shown, change) {
  const label = say("line_remove", { value: shown });
  const remove = () => {
    route.navigate(change);
    leave();
  };
  const button = make("button", { type: "button", textContent: "×", title: label, ariaLabel: label, onclick: remove });
  return make("li", {}, make("span", { textContent: shown }), button);
}
