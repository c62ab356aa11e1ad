-- Full-text search (Oracle Text). No stop words: "or" and "not" are words of prompts. MAINTENANCE MANUAL, because from 23ai
-- on indexes are brought up to date in the background by default, with which no SYNC (ON COMMIT) goes.

-- SEARCH_TEXT holds words of ASCII letters and digits (src/store/oracle/document.rs): all there is to do is to cut them at
-- spaces. Themes would be made of them if nothing else were said, in some languages of the session.
-- passes over DRG-10701
BEGIN ctx_ddl.create_preference('mitsuke_word_lexer', 'BASIC_LEXER'); END;
/

BEGIN ctx_ddl.set_attribute('mitsuke_word_lexer', 'INDEX_THEMES', 'NO'); END;
/

-- For the texts that other programs search: JAPANESE_VGRAM_LEXER with BIGRAM finds parts of Japanese text, which the
-- default lexer does not cut at all.

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
    PARAMETERS ('LEXER mitsuke_word_lexer STOPLIST CTXSYS.EMPTY_STOPLIST MAINTENANCE MANUAL SYNC (ON COMMIT)');

-- The next two are for programs of the article, which ask these columns. Mitsuke asks SEARCH_TEXT alone: where no
-- such program runs, they may be dropped.
-- passes over ORA-00955 ORA-29879
CREATE INDEX idx_image_prompt ON images (generation_prompt) INDEXTYPE IS CTXSYS.CONTEXT
    PARAMETERS ('LEXER mitsuke_lexer STOPLIST CTXSYS.EMPTY_STOPLIST MAINTENANCE MANUAL SYNC (ON COMMIT)');

-- passes over ORA-00955 ORA-29879
CREATE INDEX idx_image_description ON image_descriptions (description) INDEXTYPE IS CTXSYS.CONTEXT
    PARAMETERS ('LEXER mitsuke_lexer STOPLIST CTXSYS.EMPTY_STOPLIST MAINTENANCE MANUAL SYNC (ON COMMIT)');
