// Renders emoji art of several styles to raw RGBA pictures, one file per style.
//
//   node render.mjs NODE_MODULES OUT STYLE...
//
// It writes OUT/STYLE.rgba (pictures of SIZE x SIZE x 4 bytes, one after the other), OUT/STYLE.json (their code point
// keys, in the order of the pictures) and OUT/emoji.json (the list of emoji). A style whose two files exist is skipped,
// so an interrupted run can simply be started again.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const [modules, out, ...styles] = process.argv.slice(2);
const sharp = createRequire(path.resolve(modules, 'sharp/package.json'))('sharp');
const SIZE = 144;

const readJson = (...parts) => JSON.parse(fs.readFileSync(path.join(modules, ...parts)));

/** Returns code points in lower case without variation selectors and leading zeros: "1F468-200D-FE0F" is "1f468-200d". */
const key = (code) =>
  code.toLowerCase().split(/[-_ ]/).filter((part) => part !== 'fe0f')
    .map((part) => part.replace(/^0+/, '') || '0').join('-');

// Group 2 holds skin tones and other components, which are no pictures of their own.
const emoji = readJson('emojibase-data/ja/data.json')
  .filter((entry) => entry.group !== undefined && entry.group !== 2);
const wanted = new Set(emoji.map((entry) => key(entry.hexcode)));

/** Returns code point keys by icon name, from the sets that have both, for the sets that have names only. */
function namesToKeys() {
  const table = new Map();
  for (const set of ['noto', 'twemoji', 'fluent-emoji-flat'])
    for (const [code, name] of Object.entries(readJson('@iconify-json', set, 'chars.json')))
      if (!table.has(name)) table.set(name, key(code));
  for (const entry of readJson('emojibase-data/en/data.json')) {
    const name = entry.label.toLowerCase().replace(/[’'.:,“”!()]/g, '')
      .replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
    if (!table.has(name)) table.set(name, key(entry.hexcode));
  }
  return table;
}

/** Returns the pictures of an Iconify set as a Map from key to a function that returns the picture's bytes. */
function iconify(set, hasCodes) {
  const icons = readJson('@iconify-json', set, 'icons.json');
  const svg = (name) => {
    const alias = icons.aliases?.[name];
    const icon = icons.icons[name] ?? (alias && icons.icons[alias.parent]);
    if (!icon) return null;
    const width = icon.width ?? icons.width ?? 16;
    const height = icon.height ?? icons.height ?? 16;
    return Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
      `viewBox="${icon.left ?? 0} ${icon.top ?? 0} ${width} ${height}" ` +
      `width="192" height="192" color="#222">${icon.body}</svg>`);
  };
  const found = new Map();
  const add = (code, name) => {
    if (code && wanted.has(code) && !found.has(code) && svg(name)) found.set(code, () => svg(name));
  };
  if (hasCodes) {
    for (const [code, name] of Object.entries(readJson('@iconify-json', set, 'chars.json')))
      add(key(code), name);
  } else {
    const table = namesToKeys();
    for (const name of [...Object.keys(icons.icons), ...Object.keys(icons.aliases ?? {})])
      add(table.get(name) ?? table.get(name.replace(/-face$/, '')) ?? table.get(`${name}-face`), name);
  }
  return found;
}

/** Returns the pictures of a folder, whose names are code points, as a Map of that kind. */
function folder(extension, ...parts) {
  const where = path.join(modules, ...parts);
  const found = new Map();
  for (const name of fs.readdirSync(where)) {
    if (!name.endsWith(extension)) continue;
    const code = key(name.slice(0, -extension.length));
    if (wanted.has(code) && !found.has(code))
      found.set(code, () => fs.readFileSync(path.join(where, name)));
  }
  return found;
}

const SOURCES = {
  noto: () => iconify('noto', true),
  'noto-v1': () => iconify('noto-v1', false),
  twemoji: () => iconify('twemoji', true),
  emojione: () => iconify('emojione', false),
  fxemoji: () => iconify('fxemoji', false),
  'fluent-flat': () => iconify('fluent-emoji-flat', true),
  'fluent-high-contrast': () => iconify('fluent-emoji-high-contrast', true),
  'fluent-3d': () => folder('.webp', '@lobehub/fluent-emoji-3d/assets'),
  'fluent-modern': () => folder('.svg', '@lobehub/fluent-emoji-modern/assets'),
  openmoji: () => folder('.svg', 'openmoji/color/svg'), // held out: evaluation only
};

const transparent = { r: 0, g: 0, b: 0, alpha: 0 };
const rgba = (bytes) =>
  sharp(bytes, { density: 160 }).ensureAlpha().trim({ background: transparent, threshold: 1 })
    .resize(SIZE, SIZE, { fit: 'contain', background: transparent }).raw().toBuffer();

fs.mkdirSync(out, { recursive: true });
fs.writeFileSync(path.join(out, 'emoji.json'), JSON.stringify(emoji.map((entry) => ({
  key: key(entry.hexcode), emoji: entry.emoji, group: entry.group, gender: entry.gender ?? null,
}))));
for (const style of styles.length ? styles : Object.keys(SOURCES)) {
  const list = path.join(out, `${style}.json`);
  if (fs.existsSync(list)) continue;
  const pictures = SOURCES[style]();
  const file = fs.openSync(path.join(out, `${style}.rgba`), 'w');
  const keys = [];
  let failed = 0;
  for (const [code, bytes] of pictures) {
    try {
      const pixels = await rgba(bytes());
      if (pixels.length !== SIZE * SIZE * 4) throw new Error('unexpected size');
      fs.writeSync(file, pixels);
      keys.push(code);
    } catch {
      failed += 1; // a handful of drawings use features the renderer does not know
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${style}: ${keys.length}/${pictures.size} `);
  }
  fs.closeSync(file);
  fs.writeFileSync(list, JSON.stringify(keys));
  console.log(`${style}: ${keys.length} pictures, ${failed} failed`);
}
