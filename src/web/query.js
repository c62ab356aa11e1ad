// The query, and its form in the address. This module uses neither the page nor the network.

const MODES = ["vector", "keyword", "hybrid"];

/** The orders of a list, each with its directions; the first direction is the one that the service takes by itself. */
export const SORTS = {
  uploaded: ["desc", "asc"], taken: ["desc", "asc"], name: ["asc", "desc"], bytes: ["desc", "asc"], random: ["asc"],
};

/**
 * Fields of the filter by their name in the address. `texts` is a list of whole values, `pixels` a whole number, and
 * `size` any number from 0 on.
 */
export const FILTER_FIELDS = {
  type: "list", tags: "texts", notag: "texts", checkpoint: "texts", sampler: "texts", lora: "texts", camera: "texts",
  folder: "texts", from: "day", to: "day", taken_from: "day", taken_to: "day", dated: "choice", prompt: "choice",
  caption: "choice", seed: "seed", name: "text", min_width: "pixels", max_width: "pixels", min_height: "pixels",
  max_height: "pixels", min_mb: "size", max_mb: "size", closeness: "size", gap: "size", w_keyword: "size", w_text: "size",
  w_negative: "size",
};

/** Fields that older addresses name otherwise: the field now, and the function that makes its values of the old text. */
const OLD_FIELDS = { checkpoint: ["model", (text) => [text]], tags: ["tag", (text) => splitTags(text)] };

/** The fields of a request's filter that hold a list of texts, by the name in the address. */
const LISTS = {
  tags: "tags", notag: "without_tags", checkpoint: "checkpoints", sampler: "samplers", lora: "loras", camera: "cameras",
  folder: "folders",
};

/** The lists whose values an image must all have, or not have; of the other lists it must have one. */
export const ALL_OF = ["tags", "notag", "lora"];

/** Most values of one list of a filter. */
const MAX_VALUES = 32;

/** Most pictures of one query. */
export const MAX_PICTURES = 16;

/**
 * The query for the newest images. `like` has ids of stored images; `picture` says that the query has pictures from a
 * disk too; `sort` and `order` order a list and have no effect on a search.
 */
export const EMPTY = Object.freeze({
  text: "", negative: "", mode: "hybrid", like: [], picture: false, filter: {}, sort: "uploaded", order: "desc", open: null,
});

/** The greatest seed and the greatest width in pixels that the service accepts. */
const MAX_SEED = 2n ** 64n - 1n;
const MAX_PIXELS = 2 ** 32 - 1;

const isWholeNumber = (text) => /^\d{1,20}$/.test(text ?? "");
const isId = (text) => isWholeNumber(text) && Number.isSafeInteger(Number(text));

/** Writes a number that a person or a browser may write in several ways (.5, 1e-1) in one way; "" for a negative number or another text. */
function normalizedNumber(text) {
  const value = Number(text);
  return text.trim() && Number.isFinite(value) && value >= 0 ? String(value) : "";
}

const parsers = {
  list: (values) => values.filter((value) => /^image\/[a-z]+$/.test(value)),
  day: ([value]) => (/^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : ""),
  pixels: ([value]) => (isWholeNumber(value) ? value : ""),
  seed: ([value]) => (isWholeNumber(value) && BigInt(value) <= MAX_SEED ? value : ""),
  size: ([value]) => normalizedNumber(value),
  choice: ([value]) => (value === "yes" || value === "no" ? value : ""),
  text: ([value]) => value.trim(),
  texts: (values) => [...new Set(values.map((value) => value.trim()).filter(Boolean))].slice(0, MAX_VALUES),
};

/** Parses the query in an address's search part and leaves out invalid values. */
export function parse(search) {
  const given = new URLSearchParams(search);
  const sort = Object.hasOwn(SORTS, given.get("sort") ?? "") ? given.get("sort") : EMPTY.sort;
  return {
    text: given.get("q") ?? "",
    negative: given.get("not") ?? "",
    mode: MODES.includes(given.get("mode")) ? given.get("mode") : "hybrid",
    like: [...new Set(given.getAll("like").filter(isId).map(Number))].slice(0, MAX_PICTURES),
    picture: given.has("picture"),
    filter: cleanFilter((name) => {
      const [old, read] = OLD_FIELDS[name] ?? [];
      return [...given.getAll(name), ...(old ? given.getAll(old).flatMap(read) : [])];
    }),
    sort,
    order: SORTS[sort].includes(given.get("order")) ? given.get("order") : SORTS[sort][0],
    open: isId(given.get("image")) ? Number(given.get("image")) : null,
  };
}

/** Whether a value is valid for a field. */
export const isValid = (name, value) => parsers[FILTER_FIELDS[name]]([value]).length > 0;

/** Makes a filter of the values that `values(name)` returns for each field, and leaves out empty and invalid ones. */
export function cleanFilter(values) {
  const filter = {};
  for (const [name, kind] of Object.entries(FILTER_FIELDS)) {
    const found = values(name);
    const value = found.length ? parsers[kind](found) : "";
    if (value.length) filter[name] = value;
  }
  return filter;
}

/** Narrows a filter by a change: values that must all be there are added, and every other value takes the place of the old. */
export function narrowed(filter, change) {
  const joined = Object.entries(change).map(([name, value]) => [name, ALL_OF.includes(name) ? [...(filter[name] ?? []), ...value] : value]);
  const all = { ...filter, ...Object.fromEntries(joined) };
  return cleanFilter((name) => [all[name] ?? []].flat());
}

/** Formats the address of a query. */
export function format({ text, negative, mode, like, picture, filter, sort, order, open }) {
  const query = new URLSearchParams();
  if (text) query.set("q", text);
  if (negative) query.set("not", negative);
  if (mode !== "hybrid") query.set("mode", mode);
  for (const id of like) query.append("like", id);
  if (picture) query.set("picture", "1");
  for (const [name, value] of Object.entries(filter)) for (const one of [value].flat()) query.append(name, one);
  if (sort !== EMPTY.sort) query.set("sort", sort);
  if (order !== SORTS[sort][0]) query.set("order", order);
  if (open !== null) query.set("image", open);
  return query.size ? `?${query}` : "./";
}

/** Splits a text at its commas, also those of Japanese text. */
export const splitTags = (text) => text.split(/[,，、]/).map((tag) => tag.trim()).filter(Boolean);

/** Makes the filter of a request, or null when there is none. Days begin and end by the reader's clock. */
export function filterBody(filter) {
  const body = {};
  const put = (name, value) => {
    if (value !== undefined) body[name] = value;
  };
  const day = (text, add) => {
    if (!text) return undefined;
    const [year, month, date] = text.split("-").map(Number);
    return new Date(year, month - 1, date + add).toISOString();
  };
  // A camera states its own clock and no zone, so that these days are dates as they are written.
  const takenDay = (text, add) => {
    if (!text) return undefined;
    return new Date(Date.parse(text) + add * 86_400_000).toISOString().slice(0, 10);
  };
  // The service refuses greater numbers. No picture reaches these limits, so that clamping changes no result.
  const pixels = (text) => (text === undefined ? undefined : Math.min(Number(text), MAX_PIXELS));
  const megabytes = (text) => (text === undefined ? undefined : Math.min(Math.round(Number(text) * 1e6), Number.MAX_SAFE_INTEGER));
  const choice = (text) => (text === undefined ? undefined : text === "yes");
  put("file_types", filter.type);
  put("uploaded_from", day(filter.from, 0));
  put("uploaded_before", day(filter.to, 1));
  put("taken_from", takenDay(filter.taken_from, 0));
  put("taken_before", takenDay(filter.taken_to, 1));
  put("has_taken_at", choice(filter.dated));
  for (const name of ["min_width", "max_width", "min_height", "max_height"]) put(name, pixels(filter[name]));
  // Seeds go up to 2⁶⁴ − 1, and a JavaScript number holds them exactly only up to 2⁵³ − 1.
  put("seed", filter.seed && (JSON.rawJSON?.(String(BigInt(filter.seed))) ?? Number(filter.seed)));
  put("min_bytes", megabytes(filter.min_mb));
  put("max_bytes", megabytes(filter.max_mb));
  put("has_generation_prompt", choice(filter.prompt));
  put("has_caption", choice(filter.caption));
  for (const [name, field] of Object.entries(LISTS)) put(field, filter[name]);
  put(/[*?]/.test(filter.name ?? "") ? "file_name_pattern" : "file_name_contains", filter.name);
  return Object.keys(body).length ? body : null;
}

/** Makes the filter of an address of the service. A list is JSON, because its texts may hold commas. */
export function filterParameters(filter) {
  const { seed, ...body } = filterBody(filter) ?? {};
  const pairs = Object.entries(body).map(([name, value]) => [name, Array.isArray(value) ? JSON.stringify(value) : String(value)]);
  return Object.fromEntries(seed === undefined ? pairs : [...pairs, ["seed", filter.seed]]);
}

/** The request's limits of similarity: to the query, and below the best hit. */
export function similarityCutoffs({ closeness: minSimilarity, gap }) {
  return { ...(minSimilarity && { min_similarity: Number(minSimilarity) }), ...(gap && { max_gap: Number(gap) }) };
}

/** The request's weights of those parts of a query to which the reader has given one. */
export function weights(filter, parts) {
  const given = parts.filter((part) => filter[`w_${part}`]).map((part) => [part, Number(filter[`w_${part}`])]);
  return given.length ? { weights: Object.fromEntries(given) } : {};
}

/** The parameters of the order of a list. The service takes the usual direction by itself. */
export const sortParameters = ({ sort, order }) =>
  ({ ...(sort !== EMPTY.sort && { sort }), ...(order !== SORTS[sort][0] && { order }) });

/** Whether the query searches by words or pictures and is not a list. `files` are the reader's own pictures. */
export const isSearch = ({ text, like }, files) => Boolean(text.trim()) || like.length > 0 || files.length > 0;

/** Whether two queries ask for the same images, no matter which image is open. */
export const isSameQuery = (one, other) => format({ ...one, open: null }) === format({ ...other, open: null });
