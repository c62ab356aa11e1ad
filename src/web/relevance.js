// How well hits fit a query. This module uses neither the page nor the network.

/** The index before which less related hits begin, or null when no divider stands. */
export function dividerOf(hits) {
  return null;
}

/** The fit of a hit relative to the best: {share, from 0 to 1, likely}. */
export function fitOf(hit, best) {
  return { share: 0, likely: hit.likely };
}
