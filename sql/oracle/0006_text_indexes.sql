-- Full-text search (Oracle Text). JAPANESE_VGRAM_LEXER with BIGRAM finds parts of Japanese text; the default lexer
-- does not cut Japanese at all. No stop words: "or" and "not" are words of prompts.

-- passes over DRG-10701
BEGIN ctx_ddl.create_preference('mitsuke_lexer', 'JAPANESE_VGRAM_LEXER'); END;
/

BEGIN ctx_ddl.set_attribute('mitsuke_lexer', 'BIGRAM', 'TRUE'); END;
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
