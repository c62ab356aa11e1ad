-- The tables of the original application, with its names and columns. Tables that its own DDL made stay as they are.

CREATE TABLE IF NOT EXISTS images (
    image_id          NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_data        BLOB,
    file_name         VARCHAR2(255),
    file_type         VARCHAR2(50),
    upload_date       TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    generation_prompt CLOB
);

CREATE TABLE IF NOT EXISTS embedding_models (
    model_id         NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_name       VARCHAR2(255),
    model_version    VARCHAR2(50),
    is_current       CHAR(1) CHECK (is_current IN ('Y', 'N')),
    vector_dimension NUMBER
);

-- Mitsuke writes one row for each image that has a caption. An image of the original application may have several rows:
-- its caption is then all of them, in the order of description_id, with an empty line between.
CREATE TABLE IF NOT EXISTS image_descriptions (
    description_id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id       NUMBER,
    description    CLOB,
    CONSTRAINT fk_image_description FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);
