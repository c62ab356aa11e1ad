-- A database of the article keeps all embeddings in one table, IMAGE_EMBEDDINGS, which becomes a view. The table stays
-- under another name with all its rows; Mitsuke copies them into the table of each model afterwards.
-- In a new database none of these objects exists, and the errors that say so are passed over.

-- An index over mixed dimensions serves nobody, and a table with a vector index may refuse to be renamed.
-- passes over ORA-01418
DROP INDEX image_embedding_idx;

-- By then it is a view when this is run again.
BEGIN
    FOR mixed IN (SELECT table_name FROM user_tables WHERE table_name = 'IMAGE_EMBEDDINGS') LOOP
        EXECUTE IMMEDIATE 'ALTER TABLE image_embeddings RENAME TO image_embeddings_article';
    END LOOP;
END;
/

-- Without it every deletion of an image would read the whole table for rows to take along.
-- passes over ORA-00942 ORA-00955 ORA-01408
CREATE INDEX image_embeddings_article_image ON image_embeddings_article (image_id);

-- Deleting an image takes its rows along. A foreign key that does not, whatever its name, gives way to one that does.
BEGIN
    FOR keeping IN (
        SELECT c.table_name, c.constraint_name
        FROM user_constraints c JOIN user_cons_columns k ON k.constraint_name = c.constraint_name
        WHERE c.constraint_type = 'R' AND c.delete_rule <> 'CASCADE' AND k.column_name = 'IMAGE_ID'
          AND c.table_name IN ('IMAGE_EMBEDDINGS_ARTICLE', 'IMAGE_DESCRIPTIONS')
    ) LOOP
        EXECUTE IMMEDIATE
            'ALTER TABLE ' || keeping.table_name || ' DROP CONSTRAINT "' || keeping.constraint_name || '"';
    END LOOP;
END;
/

-- passes over ORA-00942 ORA-02275
ALTER TABLE image_embeddings_article ADD CONSTRAINT fk_image_embedding
    FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE;

-- passes over ORA-02275
ALTER TABLE image_descriptions ADD CONSTRAINT fk_image_description
    FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE;

-- One current model at most.
UPDATE embedding_models SET is_current = 'N'
WHERE is_current IS NULL
   OR model_id > (SELECT MIN(c.model_id) FROM embedding_models c WHERE c.is_current = 'Y');

UPDATE embedding_models SET maintained = is_current WHERE vector_table IS NULL;
