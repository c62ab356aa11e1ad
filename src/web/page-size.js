// The number of pictures in one request. The operator of a server may allow fewer than the page asks for.

import { imagesByIds } from "./api.js";

let size = 100;

/** The number of pictures that the page asks for at once. */
export const pageSize = () => size;

/** Sends a request for `send(size)` pictures, and a smaller one where the server allows fewer. */
export async function withSize(send) {
  try {
    return await send(size);
  } catch (error) {
    const limit = error.problem?.limit;
    if (error.status !== 400 || !(limit >= 1 && limit < size)) throw error;
    size = limit;
    return send(size);
  }
}

/** Gets images by their ids, any number of them, in several requests: {images, unknown}. */
export async function imagesInParts(ids, maxTextChars) {
  const all = { images: [], unknown: [] };
  for (let at = 0; at < ids.length; ) {
    const part = await withSize(async (most) => {
      const asked = ids.slice(at, at + most);
      return { count: asked.length, ...(await imagesByIds(asked, maxTextChars)) };
    });
    at += part.count;
    all.images.push(...part.images);
    all.unknown.push(...part.unknown);
  }
  return all;
}

/** Returns the images with these ids in this order, and gets those that `known(id)` does not have. */
export async function imagesOf(ids, known) {
  const found = new Map(ids.map((id) => [id, known(id)]));
  const { images } = await imagesInParts(ids.filter((id) => !found.get(id)));
  for (const image of images) found.set(image.image_id, image);
  return ids.map((id) => found.get(id)).filter(Boolean);
}
