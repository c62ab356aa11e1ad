// Uploads pictures, finds them by text and by picture, and handles errors. The compiler
// checks every path, parameter and answer of the client.
//
// Usage: node build/example.js URL PICTURE...      (MITSUKE_API_KEY: the server's key)
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/mitsuke.js";

type Problem = components["schemas"]["Problem"];
type Image = components["schemas"]["Image"];

const [url, ...pictures] = process.argv.slice(2);
const [first] = pictures;
if (url === undefined || first === undefined) {
  console.error("usage: node build/example.js URL PICTURE...");
  process.exit(2);
}

const key = process.env["MITSUKE_API_KEY"];
const client = createClient<paths>({
  baseUrl: url,
  headers: key ? { Authorization: `Bearer ${key}` } : {},
});

/** An error of the service, with a stable `code` for programs and a `detail` for people. */
class MitsukeError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail} (request ${problem.request_id})`);
  }
}

/** Returns the data of an answer, or throws the problem that came instead. */
function ok<T>(answer: { data?: T; error?: Problem | undefined }): T {
  if (answer.error !== undefined) throw new MitsukeError(answer.error);
  return answer.data as T;
}

/** Makes a multipart form with one part for each value, and several parts for a list. */
function form(body: object): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(body)) {
    for (const part of [value].flat()) {
      if (part instanceof File) data.append(name, part, part.name);
      else if (part !== undefined && part !== null) data.append(name, String(part));
    }
  }
  return data;
}

async function file(path: string): Promise<File> {
  return new File([new Uint8Array(await readFile(path))], basename(path));
}

// ---- upload ----------------------------------------------------------------------

const images: Image[] = [];
for (let start = 0; start < pictures.length; start += 2) {
  const files = await Promise.all(pictures.slice(start, start + 2).map(file));
  const answer = ok(await client.POST("/images", { body: { file: files }, bodySerializer: form }));
  for (const { status, image } of answer.images) {
    if (!image) continue;
    images.push(image);
    console.log(`${status}: ${image.file_name} is image ${image.image_id}, ${image.width} × ${image.height} pixels`);
  }
}

// ---- search by text --------------------------------------------------------------

const found = ok(
  await client.POST("/search/text", { body: { query: "夜空の星", mode: "vector", limit: 3, filter: { min_width: 1 } } }),
);
console.log(`夜空の星 (${found.model.model_name}):`);
for (const hit of found.hits) console.log(`  ${hit.rank}. ${hit.file_name}, distance ${hit.distance?.toFixed(3)}`);

const line = ok(await client.GET("/search", { params: { query: { q: "星 -人 has:prompt", limit: 3, file_types: ["image/jpeg"] } } }));
console.log(`read as: ${line.query?.items.map((item) => item.written).join(" | ")}`);

// ---- search by picture, uploaded and stored -----------------------------------------

const byPicture = ok(
  await client.POST("/search/image", { body: { file: [await file(first)], limit: 2 }, bodySerializer: form }),
);
console.log(`like ${basename(first)}: ${byPicture.hits.map((hit) => hit.file_name).join(", ")}`);

const image_id = images[0]?.image_id ?? 0;
const relatives = ok(await client.POST("/search/image", { body: { image_ids: [image_id], limit: 2 } }));
console.log(`like image ${image_id}: ${relatives.hits.map((hit) => hit.file_name).join(", ")}`);

// ---- bytes -----------------------------------------------------------------------

const path = { image_id };
const thumbnail = ok(await client.GET("/images/{image_id}/thumbnail", { params: { path, query: { size: 128 } }, parseAs: "blob" }));
console.log(`its thumbnail: ${thumbnail.type}, ${thumbnail.size} bytes`);

// ---- models ----------------------------------------------------------------------

const { models } = ok(await client.GET("/models"));
for (const model of models) {
  console.log(`model ${model.model_id}: ${model.model_name} ${model.model_version}, ${model.vector_dimension} dimensions`);
}

// ---- errors ----------------------------------------------------------------------

try {
  ok(await client.GET("/images/{image_id}", { params: { path: { image_id: 999_999 } } }));
  throw new Error("image 999999 should not be there");
} catch (error) {
  if (!(error instanceof MitsukeError) || error.problem.code !== "image_not_found") throw error;
  console.log(`refused as it should be: ${error.problem.code}: ${error.problem.detail}`);
}
