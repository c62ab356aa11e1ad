-- Originals that do not lie in IMAGES.IMAGE_DATA. HOME is 1 for the folder of originals, where the file is named by the hash,
-- and 2 for a file that stays where it lies. PATH and MODIFIED (nanoseconds since 1970-01-01) are those of a file in place.
CREATE TABLE IF NOT EXISTS image_files (
    image_id NUMBER NOT NULL,
    home     NUMBER(1) NOT NULL,
    path     VARCHAR2(4000),
    modified NUMBER(19),
    CONSTRAINT image_files_pk PRIMARY KEY (image_id),
    CONSTRAINT image_files_image FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);

-- passes over ORA-00955 ORA-01408
CREATE INDEX image_files_home ON image_files (home, image_id);

-- passes over ORA-00955 ORA-01408
CREATE INDEX image_files_path ON image_files (path);

-- Hashes of originals whose image is gone and whose file is still to be removed from the folder. Nothing removes a file that
-- has no row here.
CREATE TABLE IF NOT EXISTS removed_files (
    sha256 RAW(32) NOT NULL,
    CONSTRAINT removed_files_pk PRIMARY KEY (sha256)
);

-- Facts about the store itself. IDENTITY is drawn at random once, and tells the store apart from others.
CREATE TABLE IF NOT EXISTS mitsuke_facts (
    name  VARCHAR2(64) NOT NULL,
    value VARCHAR2(1000 CHAR),
    CONSTRAINT mitsuke_facts_pk PRIMARY KEY (name)
);

-- passes over ORA-00001
INSERT INTO mitsuke_facts (name, value) VALUES ('IDENTITY', LOWER(RAWTOHEX(SYS_GUID())));

-- REASON is 0 for other bytes, 1 for a file that is not there and 2 for a file in place that has changed.
-- passes over ORA-01430
ALTER TABLE image_damage ADD (reason NUMBER(1) DEFAULT 0 NOT NULL);
