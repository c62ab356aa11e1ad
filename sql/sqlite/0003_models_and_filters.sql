-- Several models side by side: the models whose embeddings new images get, the lease of a backfill, and the images
-- that a model could not embed. The end of the file adds columns to filter by.

ALTER TABLE embedding_models ADD COLUMN maintained INTEGER NOT NULL DEFAULT 0 CHECK (maintained IN (0, 1));
-- Triggers keep `failed` up to date, like `embedded`.
ALTER TABLE embedding_models ADD COLUMN failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0);
-- The lease of the process that runs the backfill. Its end is in microseconds since 1970-01-01T00:00:00Z.
ALTER TABLE embedding_models ADD COLUMN backfill_owner TEXT;
ALTER TABLE embedding_models ADD COLUMN backfill_until INTEGER;

UPDATE embedding_models SET maintained = is_current;

-- Images that a model could not embed, and why. An image never has both an embedding and a failure of one model.
CREATE TABLE embedding_failures (
    model_id  INTEGER NOT NULL REFERENCES embedding_models,
    image_id  INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    reason    TEXT    NOT NULL,
    -- Microseconds since 1970-01-01T00:00:00Z.
    failed_at INTEGER NOT NULL,
    PRIMARY KEY (model_id, image_id)
) STRICT, WITHOUT ROWID;

-- ON DELETE CASCADE uses this index to find the rows of an image.
CREATE INDEX embedding_failures_by_image ON embedding_failures (image_id);

CREATE TRIGGER embedding_failures_counted_up AFTER INSERT ON embedding_failures BEGIN
    UPDATE embedding_models SET failed = failed + 1 WHERE model_id = new.model_id;
END;

CREATE TRIGGER embedding_failures_counted_down AFTER DELETE ON embedding_failures BEGIN
    UPDATE embedding_models SET failed = failed - 1 WHERE model_id = old.model_id;
END;

-- Parts of `generation` that a filter can compare. They are not generated columns, for the reason given in 0001.
ALTER TABLE images ADD COLUMN generation_model TEXT;
ALTER TABLE images ADD COLUMN generation_sampler TEXT;
-- The seed is stored as decimal digits: it has 64 bits without a sign, and an INTEGER of SQLite has a sign.
ALTER TABLE images ADD COLUMN generation_seed TEXT;

UPDATE images SET
    generation_model   = CASE json_type(generation, '$.model') WHEN 'text' THEN generation ->> '$.model' END,
    generation_sampler = CASE json_type(generation, '$.sampler') WHEN 'text' THEN generation ->> '$.sampler' END,
    generation_seed    = CASE json_type(generation, '$.seed') WHEN 'integer' THEN generation -> '$.seed' END
WHERE json_valid(generation);

DROP INDEX images_newest;

CREATE INDEX images_newest ON images
    (upload_date, image_id, file_type, width, height, has_generation_prompt, file_name, byte_count,
     generation_model, generation_sampler, generation_seed);
