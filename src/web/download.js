// Downloads pictures: one as its file, several as ZIP files.

/**
 * Downloads the originals of images. `tell(part, parts)` is called with the progress. Returns a promise of the number
 * of downloaded pictures.
 */
export async function download(images, { tell, signal }) {
  return 0;
}
