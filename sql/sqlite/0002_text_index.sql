-- The full-text index. It holds tokens only (content=''): the texts are in images and image_descriptions.
-- What goes in has been cut into tokens by the program (src/store/sqlite/segment.rs) and joined by spaces, so a
-- tokenizer that knows spaces is all it takes; `ascii` leaves every character beyond ASCII alone.
--
-- caption, prompt (the readable prompt), raw (the rest of the generation prompt) and file_name are
-- streams of tokens in the order of the text, so that phrases can be found. single_characters holds each
-- character of unspaced scripts once, marked with a leading "c": the quick way to find 猫.
CREATE VIRTUAL TABLE image_texts USING fts5 (
    caption, prompt, raw, file_name, single_characters,
    content = '',
    contentless_delete = 1,
    tokenize = 'ascii'
);
