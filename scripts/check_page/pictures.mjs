// Adds to the sample pictures what the states of the page need: near-duplicates, tags, a caption, and a prompt.

import zlib from "node:zlib";

const PARAMETERS =
  "a girl in a green dress, watercolour\nNegative prompt: blurry\nSteps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 42, Size: 512x512, Model: dreamy-v3";

/** Waits until the server has registered its sample pictures, and adds the rest. */
export async function prepare(url) {
  const images = await settled(url);
  const [portrait] = images.filter(({ file_name: name, file_type: type }) => type === "image/png" && name);
  const original = Buffer.from(await (await fetch(`${url}/images/${portrait.image_id}/content`)).arrayBuffer());
  await upload(url, "portrait.png", "image/png", withText(original, "parameters", PARAMETERS));
  for (const { image_id: id, file_name: name } of images.slice(0, 3)) {
    const smaller = Buffer.from(await (await fetch(`${url}/images/${id}/thumbnail?size=512`)).arrayBuffer());
    await upload(url, `copy of ${name}`, "image/jpeg", smaller);
  }
  const ids = images.slice(0, 9).map(({ image_id: id }) => id);
  await send(`${url}/images/update`, { image_ids: ids, change: { add_tags: ["旅行", "favourite"] } });
  await send(`${url}/images/update`, { image_ids: ids.slice(0, 1), change: { caption: "A sample picture / サンプル画像" } });
}

/** Waits until the number of pictures rests, and returns the newest. */
async function settled(url) {
  for (let before = 0; ; ) {
    const { images, total } = await (await fetch(`${url}/images?limit=50`)).json();
    if (total.count > 0 && total.count === before) return images;
    before = total.count;
    await new Promise((done) => setTimeout(done, 1500));
  }
}

async function upload(url, name, type, bytes) {
  const form = new FormData();
  form.append("file", new File([bytes], name, { type }));
  await expectOk(await fetch(`${url}/images`, { method: "POST", body: form }));
}

const send = async (url, body) =>
  expectOk(await fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }));

async function expectOk(answer) {
  if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}: ${await answer.text()}`);
}

/** Returns a PNG with a text after its header. */
function withText(png, keyword, text) {
  const body = Buffer.from(`tEXt${keyword}\0${text}`, "latin1");
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  // The signature has 8 bytes and the header chunk 25.
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
}

function crc32(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes);
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
