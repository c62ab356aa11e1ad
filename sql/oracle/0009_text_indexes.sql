-- Full-text search (Oracle Text). The indexes have no stop words, because "or" and "not" are words of prompts. They say
-- MAINTENANCE MANUAL, because 23ai by default brings indexes up to date in the background, which excludes
-- SYNC (ON COMMIT).

-- SEARCH_TEXT holds words of ASCII letters and digits (document.rs of the Oracle store), so the lexer only cuts at spaces.
-- INDEX_THEMES is switched off, because in some languages of the session Oracle makes themes by default.
-- passes over DRG-10701
BEGIN ctx_ddl.create_preference('mitsuke_word_lexer', 'BASIC_LEXER'); END;
/

BEGIN ctx_ddl.set_attribute('mitsuke_word_lexer', 'INDEX_THEMES', 'NO'); END;
/

-- This lexer is for the texts that other programs search. JAPANESE_VGRAM_LEXER with BIGRAM finds parts of Japanese text,
-- which the default lexer does not cut at all.

-- passes over DRG-10701
BEGIN ctx_ddl.create_preference('mitsuke_lexer', 'JAPANESE_VGRAM_LEXER'); END;
/

BEGIN ctx_ddl.set_attribute('mitsuke_lexer', 'BIGRAM', 'TRUE'); END;
/

-- DDL of a domain index is not rolled back: an index whose creation failed or was killed exists, cannot be used, and
-- stops every change of its table. The block drops such an index of an earlier attempt, so that it can be made again.
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

-- The settings decide about the rest whenever a server starts (text_indexes.rs of the Oracle store): how the index is
-- brought up to date, the job that optimizes it, and the indexes IDX_IMAGE_PROMPT and IDX_IMAGE_DESCRIPTION for programs
-- of the original application. Earlier versions made these two here, and where they exist they stay.
