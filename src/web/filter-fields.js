// The fields of the filter panel, as data.

/**
 * The fields in the order of the panel: name in the address, kind of the control ("facet", "text", "day", "choice",
 * "range" …), key of the label, and section ("basic", "ai" or "advanced").
 */
export const FIELDS = [];

/** The names of the service for the facets, by the name of the filter's field. */
export const FACETS = {
  tags: "tag", checkpoint: "checkpoint", lora: "lora", sampler: "sampler", camera: "camera", folder: "folder", type: "file_type",
};
