// Downloads pictures: one as its file, several as ZIP files.

import * as api from "./api.js";
import { make } from "./dom.js";

const MOST = 1000;
/** Bytes of one ZIP file, which the browser holds until it is saved. A phone has less memory. */
const MOST_BYTES = matchMedia("(pointer: coarse)").matches ? 200e6 : 1e9;

/**
 * Downloads the originals of images. `tell(part, parts)` is called with the progress. Returns a promise of the number
 * of downloaded pictures.
 */
export async function download(images, { tell = () => {}, signal } = {}) {
  if (images.length === 1) {
    await downloadOne(images[0], signal);
    return 1;
  }
  const parts = partsOf(images);
  const day = new Intl.DateTimeFormat("sv").format();
  for (const [at, part] of parts.entries()) {
    tell(at + 1, parts.length);
    save(await api.archive(part, signal), parts.length > 1 ? `mitsuke-${day}-${at + 1}.zip` : `mitsuke-${day}.zip`);
  }
  return images.length;
}

/** Downloads one picture. With an API key the page fetches the file itself, because the service would refuse a plain link. */
export async function downloadOne({ image_id: id, file_name: name }, signal) {
  const path = `images/${id}/content`;
  if (api.key()) save(await api.blob(path, signal), name);
  else click(path, name);
}

/** Splits images into the ids of each ZIP file. */
function partsOf(images) {
  const parts = [];
  let bytes = Infinity;
  for (const image of images) {
    bytes += image.bytes;
    if (bytes > MOST_BYTES || parts.at(-1).length === MOST) {
      parts.push([]);
      bytes = image.bytes;
    }
    parts.at(-1).push(image.image_id);
  }
  return parts;
}

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  click(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const click = (href, download) => make("a", { href, download }).click();
