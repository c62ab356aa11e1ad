-- Facts that lists are ordered by, filters compare and facets count: the time at which a picture was taken, camera, folder,
-- LoRAs, the order of file names, and the words of prompts.

-- TAKEN_LOCAL is the clock of the camera, and TAKEN_OFFSET its offset in minutes, NULL where the file does not state it.
-- TAKEN_SET is 1 when a caller has set or cleared the time. SOURCE_PATH is the path in the folder that was uploaded
-- (source_path.rs of the store). The columns with FOLDED hold the forms that filters compare; a folder has a slash at
-- both ends. FILE_NAME_KEY is the key of the natural order of file names (text/natural.rs of the store), 00 for an empty
-- name, and NULL in a row that Mitsuke has not filled in yet.

-- passes over ORA-01430
ALTER TABLE images ADD (taken_local TIMESTAMP(6));

-- passes over ORA-01430
ALTER TABLE images ADD (taken_offset NUMBER(5));

-- passes over ORA-01430
ALTER TABLE images ADD (taken_set NUMBER(1) DEFAULT 0 NOT NULL);

-- passes over ORA-01430
ALTER TABLE images ADD (camera VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (camera_folded VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (source_path VARCHAR2(1000 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (folder_folded VARCHAR2(1000 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (file_name_key RAW(255));

-- The LoRAs of the readable generation prompt. FOLDED is the name as filters compare it (loras.rs of the store), and PLACE
-- its place among the LoRAs of its image.
CREATE TABLE IF NOT EXISTS image_loras (
    image_id NUMBER NOT NULL,
    folded   VARCHAR2(255 CHAR) NOT NULL,
    place    NUMBER(10) NOT NULL,
    name     VARCHAR2(255 CHAR) NOT NULL,
    weight   BINARY_DOUBLE,
    CONSTRAINT image_loras_pk PRIMARY KEY (image_id, folded),
    CONSTRAINT image_loras_image FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);

-- passes over ORA-00955 ORA-01408
CREATE INDEX image_loras_name ON image_loras (folded, image_id);

-- The words of readable prompts (text/words.rs of the store), each with the number of images that have it: the number here
-- and the sum of the changes in the next table. An upload only adds changes, so that no two uploads wait for each other's
-- words. Mitsuke adds them up from time to time, and marks those that it adds up with CLAIMED.
CREATE TABLE IF NOT EXISTS prompt_words (
    word   VARCHAR2(64 CHAR) NOT NULL,
    images NUMBER NOT NULL,
    CONSTRAINT prompt_words_pk PRIMARY KEY (word)
);

CREATE TABLE IF NOT EXISTS prompt_word_changes (
    change_id NUMBER GENERATED ALWAYS AS IDENTITY,
    word      VARCHAR2(64 CHAR) NOT NULL,
    delta     NUMBER NOT NULL,
    claimed   NUMBER(1) DEFAULT 0 NOT NULL,
    CONSTRAINT prompt_word_changes_pk PRIMARY KEY (change_id)
);

-- passes over ORA-00955 ORA-01408
CREATE INDEX prompt_word_changes_word ON prompt_word_changes (word, delta);

-- The process that adds changes up locks this row; the others do not wait for it.
-- passes over ORA-00001
INSERT INTO mitsuke_locks (name) VALUES ('WORDS');

-- The orders of lists.
-- passes over ORA-00955 ORA-01408
CREATE INDEX images_taken ON images (taken_local, image_id);

-- passes over ORA-00955 ORA-01408
CREATE INDEX images_name_key ON images (file_name_key, image_id);

-- passes over ORA-00955 ORA-01408
CREATE INDEX images_bytes ON images (byte_count, image_id);

-- File names that begin with a text.
-- passes over ORA-00955 ORA-01408
CREATE INDEX images_name_folded ON images (file_name_folded);

-- Facets read these indexes in place of the table, whose rows are wide. The file type is not among them: it has few values,
-- and its index would cost every upload an entry.
-- passes over ORA-00955 ORA-01408
CREATE INDEX images_generation_model ON images (generation_model);

-- passes over ORA-00955 ORA-01408
CREATE INDEX images_camera ON images (camera_folded);

-- passes over ORA-00955 ORA-01408
CREATE INDEX images_folder ON images (folder_folded);
