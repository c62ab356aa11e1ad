// A source of results for a list: the shape of every picture is known at once, and the details arrive as they are needed.

/**
 * Makes a source of the first answer of GET images/layout. `loadRest(position)` returns a promise of the part at
 * {cursor, random_seed}; `query` is the query of the list. The source has the functions of a hit source.
 */
export function listSource(layoutAnswer, loadRest, query) {
  throw new Error(`There is no source for a list yet: ${layoutAnswer.image_ids.length}, ${loadRest.name}, ${query.sort}`);
}
