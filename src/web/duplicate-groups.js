// Which picture of a group of near-duplicates to keep. This module uses neither the page nor the network.

/** The reasons to keep a picture, the most important first. The greater number is the better. */
const REASONS = {
  largest: ({ width, height }) => width * height,
  prompt: ({ generation_prompt: prompt }) => (prompt ? 1 : 0),
  bytes: ({ bytes }) => bytes,
  oldest: ({ uploaded_at: date }) => -Date.parse(date),
};

/** Proposes the picture to keep: {image, reasons}, where the reasons are of "largest", "prompt", "bytes" and "oldest". */
export function keeper(images) {
  const values = Object.values(REASONS);
  const better = (one, other) => values.map((value) => value(one) - value(other)).find((difference) => difference !== 0) ?? other.image_id - one.image_id;
  const image = images.reduce((best, other) => (better(other, best) > 0 ? other : best));
  const isBest = (value) => {
    const others = images.map(value);
    return value(image) === Math.max(...others) && value(image) > Math.min(...others);
  };
  return { image, reasons: Object.keys(REASONS).filter((reason) => isBest(REASONS[reason])) };
}

/**
 * What the kept picture takes over of those that are deleted: the change {add_tags, caption, generation_prompt} without
 * what it has already, or null when there is nothing. Tags that differ only in case or width are alike.
 */
export function inheritance(kept, deleted) {
  const alike = (tag) => tag.normalize("NFKC").toLowerCase();
  const known = new Set(kept.tags.map(alike));
  const tags = deleted.flatMap((image) => image.tags).filter((tag) => !known.has(alike(tag)) && known.add(alike(tag)));
  const change = tags.length ? { add_tags: tags } : {};
  for (const text of ["caption", "generation_prompt"]) {
    const other = kept[text] ? null : deleted.map((image) => image[text]).find(Boolean);
    if (other) change[text] = other;
  }
  return Object.keys(change).length ? change : null;
}
