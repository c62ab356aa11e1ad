// Which picture of a group of near-duplicates to keep. This module uses neither the page nor the network.

/** Proposes the picture to keep: {image, reasons}, where the reasons are of "largest", "prompt" and "oldest". */
export function keeper(images) {
  return { image: images[0], reasons: [] };
}
