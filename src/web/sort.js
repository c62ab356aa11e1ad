// The order of a list.

import * as chips from "./chips.js";
import { $ } from "./dom.js";
import * as filters from "./filters.js";
import * as route from "./route.js";
import { onLanguageChange, say } from "./say.js";

const select = $("sort");

/** Sets up the choice of the order. */
export function setUp() {
  select.onchange = () => {
    const [sort, order] = select.value.split(" ");
    const panel = filters.values();
    if (panel) route.navigate({ ...panel, text: $("query").value, sort, order });
    else showQuery(route.query());
  };
  // Whether a search has words to compare is known when the service has read its line.
  chips.lineRead.on(() => showQuery(route.query()));
  onLanguageChange(() => showQuery(route.query()));
  $("sort-choice").hidden = false;
}

/** Shows the order of a query. The hits of a search have an order of their own. */
export function showQuery({ sort, order }) {
  const isRanked = chips.isRanked();
  select.disabled = isRanked;
  select.value = isRanked ? "" : `${sort} ${order}`;
  select.title = isRanked ? say("sort_note") : say("sort");
}
