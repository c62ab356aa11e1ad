// The files of a drop, with those inside dropped folders.

/** Returns all files of a drop, in no particular order. Must be called while the drop event is handled. */
export async function filesOf(transfer) {
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  return (await Promise.all(entries.map(filesOfEntry))).flat();
}

async function filesOfEntry(entry) {
  if (entry.isFile) return new Promise((done) => entry.file((file) => done([file]), () => done([])));
  const inside = await entriesOf(entry.createReader());
  const files = (await Promise.all(inside.map(filesOfEntry))).flat();
  // A folder may hold other files too, so only images are taken from it. A file that is dropped itself is always tried.
  return files.filter((file) => file.type.startsWith("image/"));
}

/** Reads all entries of a folder. A reader returns them in portions, and an empty portion is the last. */
async function entriesOf(reader) {
  const all = [];
  for (;;) {
    const portion = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!portion.length) return all;
    all.push(...portion);
  }
}
