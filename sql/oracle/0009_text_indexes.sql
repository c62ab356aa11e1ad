-- Full-text search (Oracle Text). JAPANESE_VGRAM_LEXER with BIGRAM finds parts of Japanese text; the default lexer
-- does not cut Japanese at all. No stop words: "or" and "not" are words of prompts.

-- passes over DRG-10701
BEGIN ctx_ddl.create_preference('mitsuke_lexer', 'JAPANESE_VGRAM_LEXER'); END;
/

BEGIN ctx_ddl.set_attribute('mitsuke_lexer', 'BIGRAM', 'TRUE'); END;
/

-- DDL of a domain index undoes nothing: one whose making failed or was killed is there, cannot be used, and stops every
-- change of its table. Such an index of an earlier attempt goes, so that it can be made again.
BEGIN
    FOR half_built IN (
        SELECT index_name FROM user_indexes
        WHERE index_name IN ('IMAGES_SEARCH_TEXT', 'IDX_IMAGE_PROMPT', 'IDX_IMAGE_DESCRIPTION')
          AND index_type = 'DOMAIN'
          AND (status <> 'VALID' OR domidx_status <> 'VALID' OR domidx_opstatus <> 'VALID')
    ) LOOP
        EXECUTE IMMEDIATE 'DROP INDEX ' || half_built.index_name || ' FORCE';
    END LOOP;
END;
/

-- passes over ORA-00955 ORA-29879
CREATE INDEX images_search_text ON images (search_text) INDEXTYPE IS CTXSYS.CONTEXT
    PARAMETERS ('LEXER mitsuke_lexer STOPLIST CTXSYS.EMPTY_STOPLIST SYNC (ON COMMIT)');

-- The next two are for programs of the article, which ask these columns. Mitsuke asks SEARCH_TEXT alone: where no
-- such program runs, they may be dropped.
-- passes over ORA-00955 ORA-29879
CREATE INDEX idx_image_prompt ON images (generation_prompt) INDEXTYPE IS CTXSYS.CONTEXT
    PARAMETERS ('LEXER mitsuke_lexer STOPLIST CTXSYS.EMPTY_STOPLIST SYNC (ON COMMIT)');

-- passes over ORA-00955 ORA-29879
CREATE INDEX idx_image_description ON image_descriptions (description) INDEXTYPE IS CTXSYS.CONTEXT
    PARAMETERS ('LEXER mitsuke_lexer STOPLIST CTXSYS.EMPTY_STOPLIST SYNC (ON COMMIT)');
