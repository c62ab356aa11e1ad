-- Facts that lists are ordered by, filters compare and facets count: the time at which a picture was taken, camera, folder,
-- LoRAs, the order of file names, and the words of prompts.

-- The clock of the camera in microseconds since 1970-01-01T00:00:00, as if it showed UTC; its offset in minutes, NULL where
-- the file does not state it; and 1 when a caller has set or cleared the time.
ALTER TABLE images ADD COLUMN taken_local INTEGER;
ALTER TABLE images ADD COLUMN taken_offset INTEGER;
ALTER TABLE images ADD COLUMN taken_set INTEGER NOT NULL DEFAULT 0 CHECK (taken_set IN (0, 1));
ALTER TABLE images ADD COLUMN camera TEXT;
-- The path in the folder that was uploaded (source_path.rs of the store).
ALTER TABLE images ADD COLUMN source_path TEXT;
-- The forms that filters compare. A folder has a slash at both ends.
ALTER TABLE images ADD COLUMN camera_folded TEXT;
ALTER TABLE images ADD COLUMN folder_folded TEXT;
-- The key of the natural order of file names (text/natural.rs of the store).
ALTER TABLE images ADD COLUMN file_name_key BLOB NOT NULL DEFAULT x'';

-- The LoRAs of the readable generation prompt. `folded` is the name as filters compare it (loras.rs of the store), and
-- `place` its place among the LoRAs of its image.
CREATE TABLE image_loras (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    folded   TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    weight   REAL,
    PRIMARY KEY (image_id, folded)
) STRICT, WITHOUT ROWID;

CREATE INDEX image_loras_by_name ON image_loras (folded, image_id);

-- The words of readable prompts (text/words.rs of the store), each with the number of images that have it.
CREATE TABLE prompt_words (
    word   TEXT    NOT NULL PRIMARY KEY,
    images INTEGER NOT NULL CHECK (images >= 0)
) STRICT, WITHOUT ROWID;

-- The orders of lists. The folded name lets suggestions read the index alone.
CREATE INDEX images_by_name ON images (file_name_key, image_id, file_name_folded);
CREATE INDEX images_by_taken ON images (taken_local, image_id);
CREATE INDEX images_by_bytes ON images (byte_count, image_id);
CREATE INDEX images_by_file_name ON images (file_name_folded);

-- Every token of the full-text index in each place where it occurs, and every token once.
CREATE VIRTUAL TABLE image_text_instances USING fts5vocab (image_texts, 'instance');
CREATE VIRTUAL TABLE image_text_terms USING fts5vocab (image_texts, 'row');

DROP INDEX images_newest;

CREATE INDEX images_newest ON images
    (upload_date, image_id, file_type, width, height, has_generation_prompt, file_name_folded, byte_count,
     generation_model, generation_sampler, generation_seed, taken_local, camera_folded, folder_folded);

-- The program fills the columns and tables of this step when it opens the database.
INSERT INTO store_facts (name, value) VALUES ('facts_version', 0);
