// The files of a drop, those inside dropped folders too.

/** All files of a drop, in no particular order. Has to be called before the drop event is over. */
export async function filesOf(transfer) {
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  return (await Promise.all(entries.map(walk))).flat();
}

async function walk(entry) {
  if (entry.isFile) return new Promise((done) => entry.file((file) => done([file]), () => done([])));
  const inside = await children(entry.createReader());
  const files = (await Promise.all(inside.map(walk))).flat();
  // A folder holds other things too; what was dropped by itself is tried whatever its name.
  return files.filter((file) => file.type.startsWith("image/"));
}

/** A reader gives its entries in portions; an empty one is the last. */
async function children(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!some.length) return all;
    all.push(...some);
  }
}
