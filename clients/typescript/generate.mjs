// Writes generated/mitsuke.d.ts, the types of the API, from its OpenAPI document.
// Usage: node generate.mjs [file or address of openapi.json]
import { mkdir, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const source = process.argv[2] ?? "../../openapi/openapi.json";
const url = /^https?:/.test(source) ? new URL(source) : pathToFileURL(source);

const blob = ts.factory.createTypeReferenceNode("Blob");
const types = await openapiTS(url, {
  alphabetize: true,
  // A field with a default does not have to be sent.
  defaultNonNullable: false,
  // Bytes are a Blob (or File) in TypeScript, not the string that JSON Schema uses.
  transform: (schema) => (schema.format === "binary" ? blob : undefined),
});
await mkdir("generated", { recursive: true });
await writeFile("generated/mitsuke.d.ts", astToString(types));
console.log("wrote generated/mitsuke.d.ts");
