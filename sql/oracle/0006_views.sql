-- The views of the original application. Registering a model replaces IMAGE_EMBEDDINGS and CURRENT_IMAGE_EMBEDDINGS
-- (vector_tables.rs of the Oracle store); the definitions here are for a database without models.

CREATE OR REPLACE VIEW current_embedding_model AS
SELECT model_id, model_name, model_version, vector_dimension
FROM embedding_models
WHERE is_current = 'Y';

CREATE OR REPLACE VIEW image_embeddings AS
SELECT i.image_id AS embedding_id, i.image_id, m.model_id, TO_VECTOR('[0]') AS embedding
FROM images i CROSS JOIN embedding_models m
WHERE 1 = 0;

CREATE OR REPLACE VIEW current_image_embeddings AS
SELECT e.embedding_id, e.image_id, e.embedding
FROM image_embeddings e JOIN current_embedding_model m ON m.model_id = e.model_id;
