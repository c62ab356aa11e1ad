-- The columns that Mitsuke adds to those of the original application.

-- A file name of 255 Japanese characters takes 765 bytes.
ALTER TABLE images MODIFY (file_name VARCHAR2(1000 CHAR));

ALTER TABLE embedding_models MODIFY (model_name VARCHAR2(255 CHAR), model_version VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (byte_count NUMBER(19));

-- passes over ORA-01430
ALTER TABLE images ADD (width NUMBER(10));

-- passes over ORA-01430
ALTER TABLE images ADD (height NUMBER(10));

-- The hash of the original bytes. NULL marks a row that another program wrote and Mitsuke has not completed yet.
-- passes over ORA-01430
ALTER TABLE images ADD (sha256 RAW(32));

-- The key by which an upload finds the image of its bytes: the same hash, in one row only. A table of the original
-- application may hold a picture twice; both rows stay, and the second has no key.
-- passes over ORA-01430
ALTER TABLE images ADD (sha256_key RAW(32));

-- The parsed parts of the generation prompt as a JSON object. The columns after it hold the parts that filters
-- compare, in lower case.
-- passes over ORA-01430
ALTER TABLE images ADD (generation CLOB);

-- passes over ORA-01430
ALTER TABLE images ADD (generation_model VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (generation_sampler VARCHAR2(255 CHAR));

-- passes over ORA-01430
ALTER TABLE images ADD (generation_seed NUMBER(20));

-- The text that keyword search reads: caption, prompts and file name, cut into tokens (document.rs of the Oracle store).
-- passes over ORA-01430
ALTER TABLE images ADD (search_text CLOB);

-- 'Y' means that new images get an embedding of this model too.
-- passes over ORA-01430
ALTER TABLE embedding_models ADD (maintained CHAR(1) DEFAULT 'N');

-- The table of the model's embeddings. It is NULL until that table is complete; Mitsuke ignores the model before.
-- passes over ORA-01430
ALTER TABLE embedding_models ADD (vector_table VARCHAR2(128));

-- The lease of the process that runs the backfill; the next column is its end (UTC).
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
