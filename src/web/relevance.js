// How well hits fit a query. This module uses neither the page nor the network.

/**
 * The index before which less related hits begin: after the longest beginning of the hits that ends with a likely one
 * and at least half of which is likely. Null when no hit is less related yet, or nobody knows how well the hits fit.
 */
export function dividerOf(hits) {
  let likely = 0;
  let end = 0;
  hits.forEach((hit, index) => {
    if (!hit.likely) return;
    likely++;
    if (2 * likely >= index + 1) end = index + 1;
  });
  const isKnown = likely > 0 || hits.some(({ relevance }) => relevance !== null);
  return isKnown && end < hits.length ? end : null;
}

/** The fit of a hit relative to the best: {share, from 0 to 1, likely}. */
export function fitOf(hit, best) {
  const measure = hit.relevance !== null && best.relevance > 0 ? "relevance" : "score";
  const share = best[measure] > 0 ? hit[measure] / best[measure] : 0;
  return { share: Math.min(1, Math.max(0, share)), likely: hit.likely };
}
