// The lists of values with their counts in the filter panel, and their loading.

import * as api from "./api.js";
import * as chips from "./chips.js";
import { $, make } from "./dom.js";
import { facetList } from "./facet-list.js";
import { FACETS } from "./filter-fields.js";
import { ALL_OF } from "./query.js";
import * as route from "./route.js";
import { number, onLanguageChange, say } from "./say.js";
import * as suggest from "./suggest.js";

/** Values of a facet, as many as the service gives. */
const MOST = 100;

const lists = [...document.querySelectorAll("[data-facet]")].map(facetList);
let request = new AbortController();
/** What stands below the lists: a key of a text or "". */
let note = "";
let onTotal = () => {};

/**
 * Sets up the lists. `total(count)` is called with the number of counted pictures, or null when it says nothing about the
 * search, and `chosen()` after a suggestion has been chosen.
 */
export function setUp({ total, chosen }) {
  onTotal = total;
  chips.lineRead.on(load);
  for (const list of lists) {
    if (!["tags", "notag"].includes(list.name)) continue;
    const isWanted = () => list.name === "notag" || list.hasMore();
    const take = ({ text }) => {
      list.clearFind();
      list.add(text);
      chosen();
    };
    suggest.attach(list.find, { kinds: "tag", isWanted, take });
  }
  onLanguageChange(showTexts);
  showTexts();
}

/** Marks the chosen values of a query. The counts follow when the service has read the query line. */
export function showQuery({ filter }) {
  for (const list of lists) list.choose(filter[list.name] ?? []);
}

/** The values that the texts of the find fields stand for, by the names of the fields. */
export const typed = () => Object.fromEntries(lists.map((list) => [list.name, list.typed()]));

/** Empties all find fields, or that of one list. */
export const clearFind = (name) => lists.filter((list) => !name || list.name === name).forEach((list) => list.clearFind());

/** Loads the counts for the query of the address, while the panel is open. */
export async function load() {
  request.abort();
  if ($("filter").hidden) return;
  const { signal } = (request = new AbortController());
  const query = route.query();
  const text = chips.fieldsOfLine();
  // Of these facets an image needs one chosen value only, so that the other values count without the chosen ones.
  const apart = Object.keys(FACETS).filter((name) => query.filter[name] && !ALL_OF.includes(name));
  const together = Object.keys(FACETS).filter((name) => !apart.includes(name));
  const ask = (filter, names) => api.facets({ text, filter }, names.map((name) => FACETS[name]), MOST, signal);
  try {
    const answers = await Promise.all([
      ask(query.filter, together), ...apart.map((name) => ask({ ...query.filter, [name]: undefined }, [name])),
    ]);
    if (signal.aborted) return;
    for (const facet of answers.flatMap(({ facets }) => facets)) showCounts(facet);
    note = chips.isCountable() ? "" : "facets_note";
    onTotal(note ? null : answers[0].total.count);
  } catch {
    if (signal.aborted) return;
    note = "facets_failed";
    onTotal(null);
  }
  showNote();
}

function showCounts(facet) {
  lists.find(({ name }) => FACETS[name] === facet.field)?.count(facet);
  if (facet.field !== FACETS.type) return;
  const counts = new Map(facet.values.map(({ value, count }) => [value, count]));
  for (const label of $("filter").querySelectorAll(".types label")) {
    label.querySelector(".count")?.remove();
    const count = counts.get(label.querySelector("input").value) ?? 0;
    label.append(make("span", { className: "count", textContent: number(count) }));
    label.classList.toggle("absent", !count);
  }
}

function showTexts() {
  for (const list of lists) list.showTexts();
  showNote();
}

function showNote() {
  $("facets-note").textContent = note && say(note);
  $("facets-note").hidden = !note;
}
