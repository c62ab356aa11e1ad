-- Tags, the origins of texts, and the version of the reader that read them out of the file.

-- `folded` is the tag as filters compare it (tags.rs of the store), and `place` its place among the tags of its image.
-- `is_set` is 1 for a tag that a caller has set, and 0 for one that was found in the file.
CREATE TABLE image_tags (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    folded   TEXT    NOT NULL,
    place    INTEGER NOT NULL,
    tag      TEXT    NOT NULL,
    is_set   INTEGER NOT NULL CHECK (is_set IN (0, 1)),
    PRIMARY KEY (image_id, folded)
) STRICT, WITHOUT ROWID;

CREATE INDEX image_tags_by_tag ON image_tags (folded, image_id);

-- The tags that callers have removed. They do not come back when the file is read again.
CREATE TABLE removed_tags (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    folded   TEXT    NOT NULL,
    PRIMARY KEY (image_id, folded)
) STRICT, WITHOUT ROWID;

-- 1 when a caller has set or cleared the text, 0 when the text is what the reader found in the file, and NULL when an
-- earlier version stored the row, which did not note that.
ALTER TABLE images ADD COLUMN caption_set INTEGER;
ALTER TABLE images ADD COLUMN generation_prompt_set INTEGER;

-- The version of the reader that last read the file (READER_VERSION of mitsuke-image).
ALTER TABLE images ADD COLUMN reader_version INTEGER NOT NULL DEFAULT 0;

CREATE INDEX images_by_reader ON images (reader_version, image_id);

-- The words of tags are a column of the full-text index. Its columns cannot be altered, so the index is made anew, and
-- the program fills it when it opens the database.
DROP TABLE image_texts;

CREATE VIRTUAL TABLE image_texts USING fts5 (
    caption, tags, prompt, raw, file_name, single_characters,
    content = '',
    contentless_delete = 1,
    tokenize = 'ascii'
);

UPDATE store_facts SET value = 0 WHERE name = 'segmentation_version';
