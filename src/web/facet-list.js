// One list of values with their counts: a field that finds among them, a box for each value, and a button that shows all.

import { make } from "./dom.js";
import { splitTags } from "./query.js";
import { number, say } from "./say.js";

/** Values that are shown before the reader asks for all. */
const SHORT = 8;

/** Writes a text without differences that the service ignores. */
const folded = (text) => text.normalize("NFKC").toLowerCase();

/**
 * Makes the list of a fieldset that has the field's name in data-facet. With data-open the service counts no values, and
 * the list has what the reader adds. The chosen values are checked boxes of that name in the form, also while their rows
 * are out of sight; the text of the find field is none of them.
 */
export function facetList(root) {
  const name = root.dataset.facet;
  const find = root.querySelector("input");
  const list = root.querySelector(".values");
  const note = root.querySelector("small");
  const toggle = root.querySelector("button");
  let chosen = [];
  /** The values of the service with their counts; null before they have arrived. */
  let counted = null;
  let more = false;
  let isExpanded = false;

  toggle.onclick = () => {
    isExpanded = !isExpanded;
    narrow();
  };
  find.addEventListener("input", (event) => event.isComposing || narrow());
  find.addEventListener("compositionend", narrow);

  /** All rows as {value, count}: first the chosen values that the service has not counted. */
  function rows() {
    const known = new Set((counted ?? []).map(({ value }) => folded(value)));
    const others = chosen.filter((value) => !known.has(folded(value)));
    return [...others.map((value) => ({ value, count: counted && !more ? 0 : null })), ...(counted ?? [])];
  }

  function render() {
    const focused = list.contains(document.activeElement) ? document.activeElement.value : null;
    const wanted = new Set(chosen.map(folded));
    list.replaceChildren(...rows().map(({ value, count }) => row(value, count, wanted.has(folded(value)))));
    narrow();
    // The new rows take over the focus of the old ones.
    [...list.querySelectorAll("input")].find((box) => box.value === focused)?.focus({ preventScroll: true });
  }

  function row(value, count, checked) {
    const box = make("input", { type: "checkbox", name, value, checked });
    const shownCount = make("span", { className: "count", textContent: count === null ? "" : number(count) });
    return make("li", {}, make("label", {}, box, make("span", { className: "value", textContent: value }), shownCount));
  }

  /** Shows the rows that the find field asks for, or the first ones and those that are chosen. */
  function narrow() {
    const sought = folded(find.value.trim());
    const items = [...list.children];
    items.forEach((item, index) => {
      const box = item.querySelector("input");
      item.hidden = sought ? !folded(box.value).includes(sought) : !(isExpanded || index < SHORT || box.checked);
    });
    const isShort = items.length <= SHORT;
    find.hidden = isShort && !more && counted !== null && !find.value && !root.hasAttribute("data-open");
    toggle.hidden = isShort || Boolean(sought);
    toggle.textContent = isExpanded ? say("show_fewer") : say("show_all", { count: number(items.length) });
    toggle.ariaExpanded = String(isExpanded);
    note.textContent = noteFor(sought, items);
    note.hidden = !note.textContent;
  }

  function noteFor(sought, items) {
    if (counted === null) return "";
    if (!items.length) return root.hasAttribute("data-open") ? "" : say("facet_none");
    if (sought && items.every(({ hidden }) => hidden)) return say("facet_no_match");
    return more && (isExpanded || sought) ? say("facet_more", { count: number(counted.length) }) : "";
  }

  /** The value that a typed text stands for: the whole value of that name, else the first one that holds the text. */
  function valueFor(text) {
    const sought = folded(text);
    const values = rows().map(({ value }) => value);
    // A folder may be named by whole parts of its path, and then it stands for all folders with these parts.
    if (name === "folder" && values.some((value) => `${folded(value)}/`.includes(`/${sought.replace(/^\//, "")}/`))) return text;
    return values.find((value) => folded(value) === sought) ?? values.find((value) => folded(value).includes(sought)) ?? text;
  }

  return {
    name,
    find,
    /** Whether the service has more values than the list. */
    hasMore: () => more,
    /** Marks the chosen values. */
    choose(values) {
      chosen = values;
      render();
    },
    /** Marks one more value. */
    add(value) {
      chosen = [...new Set([...chosen, value])];
      render();
    },
    /** Shows the counts of the service. */
    count(answer) {
      counted = answer.values;
      more = answer.more;
      render();
    },
    /** The values that the text of the find field stands for. */
    typed: () => splitTags(find.value).map((text) => (root.hasAttribute("data-open") ? text : valueFor(text))),
    clearFind() {
      find.value = "";
      narrow();
    },
    showTexts() {
      const field = root.querySelector("legend").textContent;
      find.placeholder = say(root.hasAttribute("data-open") ? "f_tag_hint" : "facet_find_hint");
      find.ariaLabel = root.hasAttribute("data-open") ? field : say("facet_find", { name: field });
      list.ariaLabel = field;
      render();
    },
  };
}
