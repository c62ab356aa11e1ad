-- What Mitsuke keeps beyond the article's columns.

-- A file name of 255 Japanese characters takes 765 bytes.
ALTER TABLE images MODIFY (file_name VARCHAR2(1000 CHAR));

ALTER TABLE embedding_models MODIFY (model_name VARCHAR2(255 CHAR), model_version VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (byte_count NUMBER(19));

-- passes over ORA-01430
ALTER TABLE images ADD (width NUMBER(10));

-- passes over ORA-01430
ALTER TABLE images ADD (height NUMBER(10));

-- Of the original bytes. NULL marks a row that another program wrote and Mitsuke has not completed yet.
-- passes over ORA-01430
ALTER TABLE images ADD (sha256 RAW(32));

-- The same hash, for the one image of these bytes that answers uploads. A table of the article may hold a picture
-- twice; both rows stay, and the second has no key.
-- passes over ORA-01430
ALTER TABLE images ADD (sha256_key RAW(32));

-- The readable parts of the generation prompt, a JSON object; and those of them that can be filtered by, in lower case.
-- passes over ORA-01430
ALTER TABLE images ADD (generation CLOB);

-- passes over ORA-01430
ALTER TABLE images ADD (generation_model VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (generation_sampler VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (generation_seed NUMBER(20));

-- What keyword search reads: caption, prompts and file name, cut into tokens (src/store/oracle/document.rs).
-- passes over ORA-01430
ALTER TABLE images ADD (search_text CLOB);

-- 'Y': new images get an embedding of this model too.
-- passes over ORA-01430
ALTER TABLE embedding_models ADD (maintained CHAR(1) DEFAULT 'N');

-- The table of its embeddings. NULL until that table is complete; Mitsuke does not see the model before.
-- passes over ORA-01430
ALTER TABLE embedding_models ADD (vector_table VARCHAR2(128));

-- Who fills missing embeddings, and until when the claim holds (UTC).
-- passes over ORA-01430
ALTER TABLE embedding_models ADD (backfill_owner VARCHAR2(255));

-- passes over ORA-01430
ALTER TABLE embedding_models ADD (backfill_until TIMESTAMP(6));

CREATE TABLE IF NOT EXISTS embedding_failures (
    model_id  NUMBER NOT NULL,
    image_id  NUMBER NOT NULL,
    reason    VARCHAR2(1000 CHAR),
    failed_at TIMESTAMP(6) NOT NULL,
    CONSTRAINT embedding_failures_pk PRIMARY KEY (model_id, image_id),
    CONSTRAINT embedding_failures_model FOREIGN KEY (model_id) REFERENCES embedding_models (model_id),
    CONSTRAINT embedding_failures_image FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);
