-- The tables of images, models, embeddings and texts. Their rows are the truth; the full-text index and the
-- vector indexes are made from them.

-- Facts about the store itself. `identity` differs between databases, so that a cache file of another
-- database is never used for this one.
CREATE TABLE store_facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO store_facts (name, value) VALUES
    ('identity', lower(hex(randomblob(8)))),
    ('image_count', 0),
    ('segmentation_version', 0);

-- AUTOINCREMENT never uses an id again, so a link to a deleted image never shows another image.
-- Long texts come last, so that reading the columns before them does not touch their overflow pages.
CREATE TABLE images (
    image_id          INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256            BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    file_name         TEXT    NOT NULL,
    file_type         TEXT    NOT NULL,
    byte_count        INTEGER NOT NULL CHECK (byte_count >= 0),
    width             INTEGER NOT NULL CHECK (width >= 0),
    height            INTEGER NOT NULL CHECK (height >= 0),
    -- Microseconds since 1970-01-01T00:00:00Z.
    upload_date       INTEGER NOT NULL,
    -- Not a generated column: an index on one is not covering, and images_newest has to be.
    has_generation_prompt INTEGER NOT NULL CHECK (has_generation_prompt = (generation_prompt IS NOT NULL)),
    -- The readable parts of the generation prompt, a JSON object.
    generation        TEXT,
    -- The generation prompt as it was found, kept whole.
    generation_prompt TEXT
) STRICT;

-- The index serves the newest-first order. It holds every column that a filter compares except the caption, so
-- that filtering reads this index and not the (much larger) table.
CREATE INDEX images_newest ON images
    (upload_date, image_id, file_type, width, height, has_generation_prompt, file_name);

-- The original bytes have a table of their own, so that no scan of metadata reads them.
CREATE TABLE image_contents (
    image_id   INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    image_data BLOB NOT NULL
) STRICT;

-- A row exists only while its image has a caption.
CREATE TABLE image_descriptions (
    image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    caption  TEXT NOT NULL
) STRICT;

-- Triggers keep `embedded` up to date: every answer about models gives the coverage, and counting a million
-- rows each time would be slow.
CREATE TABLE embedding_models (
    model_id         INTEGER PRIMARY KEY AUTOINCREMENT,
    model_name       TEXT    NOT NULL,
    model_version    TEXT    NOT NULL,
    vector_dimension INTEGER NOT NULL CHECK (vector_dimension BETWEEN 1 AND 65535),
    is_current       INTEGER NOT NULL DEFAULT 0 CHECK (is_current IN (0, 1)),
    embedded         INTEGER NOT NULL DEFAULT 0 CHECK (embedded >= 0),
    UNIQUE (model_name, model_version)
) STRICT;

-- The index allows one current model at most.
CREATE UNIQUE INDEX embedding_models_current ON embedding_models (is_current) WHERE is_current = 1;

-- `embedding_id` is also a change number: it only grows, because replacing an embedding deletes its row and inserts
-- another. A reader that remembers the highest number it has seen finds everything newer.
CREATE TABLE image_embeddings (
    embedding_id INTEGER PRIMARY KEY AUTOINCREMENT,
    model_id     INTEGER NOT NULL REFERENCES embedding_models,
    image_id     INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    -- Little-endian 32-bit floats, vector_dimension of them, length 1.
    embedding    BLOB    NOT NULL,
    UNIQUE (model_id, image_id)
) STRICT;

-- ON DELETE CASCADE uses this index to find the rows of an image.
CREATE INDEX image_embeddings_by_image ON image_embeddings (image_id);

CREATE TRIGGER images_counted_up AFTER INSERT ON images BEGIN
    UPDATE store_facts SET value = value + 1 WHERE name = 'image_count';
END;

CREATE TRIGGER images_counted_down AFTER DELETE ON images BEGIN
    UPDATE store_facts SET value = value - 1 WHERE name = 'image_count';
END;

CREATE TRIGGER image_embeddings_counted_up AFTER INSERT ON image_embeddings BEGIN
    UPDATE embedding_models SET embedded = embedded + 1 WHERE model_id = new.model_id;
END;

CREATE TRIGGER image_embeddings_counted_down AFTER DELETE ON image_embeddings BEGIN
    UPDATE embedding_models SET embedded = embedded - 1 WHERE model_id = old.model_id;
END;

CREATE VIEW current_embedding_model AS
    SELECT model_id, model_name, model_version, vector_dimension
    FROM embedding_models
    WHERE is_current = 1;

CREATE VIEW current_image_embeddings AS
    SELECT e.image_id, e.model_id, e.embedding
    FROM image_embeddings e
    JOIN current_embedding_model m ON m.model_id = e.model_id;
