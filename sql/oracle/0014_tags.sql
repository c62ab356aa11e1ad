-- Tags, the origins of texts, and the version of the reader that read them out of the file.

-- FOLDED is the tag as filters compare it (tags.rs of the store). PLACE orders the tags of an image: it is the number of
-- bytes that the tags up to this one take, each with a separator after it. IS_SET is 1 for a tag that a caller has set,
-- and 0 for one that was found in the file.
CREATE TABLE IF NOT EXISTS image_tags (
    image_id NUMBER NOT NULL,
    folded   VARCHAR2(255 CHAR) NOT NULL,
    place    NUMBER(10) NOT NULL,
    tag      VARCHAR2(100 CHAR) NOT NULL,
    is_set   NUMBER(1) NOT NULL,
    CONSTRAINT image_tags_pk PRIMARY KEY (image_id, folded),
    CONSTRAINT image_tags_image FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);

-- passes over ORA-00955 ORA-01408
CREATE INDEX image_tags_tag ON image_tags (folded, image_id);

-- The tags that callers have removed. They do not come back when the file is read again.
CREATE TABLE IF NOT EXISTS removed_tags (
    image_id NUMBER NOT NULL,
    folded   VARCHAR2(255 CHAR) NOT NULL,
    CONSTRAINT removed_tags_pk PRIMARY KEY (image_id, folded),
    CONSTRAINT removed_tags_image FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);

-- 1 when a caller has set or cleared the text, 0 when the text is what the reader found in the file, and NULL when an
-- earlier version or another program stored the row.
-- passes over ORA-01430
ALTER TABLE images ADD (caption_set NUMBER(1));

-- passes over ORA-01430
ALTER TABLE images ADD (generation_prompt_set NUMBER(1));

-- The version of the reader that last read the file (READER_VERSION of mitsuke-image). A default with NOT NULL costs no
-- pass over the table.
-- passes over ORA-01430
ALTER TABLE images ADD (reader_version NUMBER(10) DEFAULT 0 NOT NULL);

-- passes over ORA-00955 ORA-01408
CREATE INDEX images_reader ON images (reader_version, image_id);
