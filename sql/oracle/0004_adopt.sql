-- A database of the original application keeps all embeddings in one table, IMAGE_EMBEDDINGS, which becomes a view. The
-- table stays under another name with all its rows; a later step copies them into the table of each model.
-- In a new database none of these objects exists, and the statements pass over the errors that say so.

-- An index over mixed dimensions is of no use, and Oracle may refuse to rename a table with a vector index.
-- passes over ORA-01418
DROP INDEX image_embedding_idx;

-- The loop finds no table when the migration is run again, because IMAGE_EMBEDDINGS is a view by then.
BEGIN
    FOR mixed IN (SELECT table_name FROM user_tables WHERE table_name = 'IMAGE_EMBEDDINGS') LOOP
        EXECUTE IMMEDIATE 'ALTER TABLE image_embeddings RENAME TO image_embeddings_article';
    END LOOP;
END;
/

-- Without this index every deletion of an image would read the whole table for rows to delete.
-- passes over ORA-00942 ORA-00955 ORA-01408
CREATE INDEX image_embeddings_article_image ON image_embeddings_article (image_id);

-- Deleting an image must delete its rows here too. A foreign key without ON DELETE CASCADE, whatever its name, is
-- replaced by one that cascades.
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

-- At most one model stays current.
UPDATE embedding_models SET is_current = 'N'
WHERE is_current IS NULL
   OR model_id > (SELECT MIN(c.model_id) FROM embedding_models c WHERE c.is_current = 'Y');

UPDATE embedding_models SET maintained = is_current WHERE vector_table IS NULL;
