// The fields of the filter panel, as data.

/**
 * The fields in the order of the panel, each with its names in the address (two for a range), key of the label, section,
 * and kind: "texts" (whole values), "list" (media types), "days" or "numbers" (a range), "choice" (yes or no), or "text".
 */
export const FIELDS = [
  { names: ["tags"], label: "f_tag", section: "basic", kind: "texts", chip: "line_tag" },
  { names: ["type"], label: "f_type", section: "basic", kind: "list", chip: "line_type" },
  { names: ["taken_from", "taken_to"], label: "f_taken", section: "basic", kind: "days" },
  { names: ["from", "to"], label: "f_added", section: "basic", kind: "days" },
  { names: ["caption"], label: "f_caption", section: "basic", kind: "choice" },
  { names: ["checkpoint"], label: "f_model", section: "ai", kind: "texts", chip: "line_checkpoint" },
  { names: ["lora"], label: "f_lora", section: "ai", kind: "texts", chip: "line_lora" },
  { names: ["sampler"], label: "f_sampler", section: "ai", kind: "texts", chip: "line_sampler" },
  { names: ["prompt"], label: "f_prompt", section: "ai", kind: "choice" },
  { names: ["seed"], label: "f_seed", section: "ai", kind: "text" },
  { names: ["camera"], label: "f_camera", section: "advanced", kind: "texts", chip: "line_camera" },
  { names: ["folder"], label: "f_folder", section: "advanced", kind: "texts", chip: "line_in" },
  { names: ["notag"], label: "f_without_tags", section: "advanced", kind: "texts", chip: "line_tag", without: true },
  { names: ["dated"], label: "f_dated", section: "advanced", kind: "choice" },
  { names: ["min_width", "max_width"], label: "f_width", section: "advanced", kind: "numbers" },
  { names: ["min_height", "max_height"], label: "f_height", section: "advanced", kind: "numbers" },
  { names: ["min_mb", "max_mb"], label: "f_bytes", section: "advanced", kind: "numbers" },
  { names: ["name"], label: "f_name", section: "advanced", kind: "text" },
  { names: ["closeness"], label: "f_closeness", section: "advanced", kind: "text" },
  { names: ["gap"], label: "f_gap", section: "advanced", kind: "text" },
  { names: ["w_keyword"], label: "w_keyword", section: "advanced", kind: "text" },
  { names: ["w_text"], label: "w_text", section: "advanced", kind: "text" },
  { names: ["w_negative"], label: "w_negative", section: "advanced", kind: "text" },
];

export const SECTIONS = ["basic", "ai", "advanced"];

/** The names of the service for the facets, by the name of the filter's field. */
export const FACETS = {
  tags: "tag", checkpoint: "checkpoint", lora: "lora", sampler: "sampler", camera: "camera", folder: "folder", type: "file_type",
};

/** The number of fields of a section that a query sets; a range is one field. */
export function countSet(section, { filter, negative }) {
  const set = FIELDS.filter((field) => field.section === section && field.names.some((name) => name in filter)).length;
  return set + (section === "basic" && negative ? 1 : 0);
}
