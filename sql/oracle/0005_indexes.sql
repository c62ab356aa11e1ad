-- Equal bytes become one image, even when several callers upload them at the same moment.
-- passes over ORA-00955
CREATE UNIQUE INDEX images_sha256_key ON images (sha256_key);

-- passes over ORA-00955 ORA-01408
CREATE INDEX images_sha256 ON images (sha256);

-- The index serves the newest-first order.
-- passes over ORA-00955 ORA-01408
CREATE INDEX images_newest ON images (upload_date, image_id);

-- passes over ORA-00955 ORA-01408
CREATE INDEX image_descriptions_image ON image_descriptions (image_id);

-- passes over ORA-00955 ORA-01408
CREATE INDEX embedding_failures_image ON embedding_failures (image_id);

-- The index allows one current model at most.
-- passes over ORA-00955
CREATE UNIQUE INDEX embedding_models_current ON embedding_models (CASE WHEN is_current = 'Y' THEN 'Y' END);
