-- The full-text index. It holds tokens only (content=''): the texts are in images and image_descriptions.
-- The program cuts the texts into tokens (text/tokens.rs of the store) and joins them by spaces, so the tokenizer only
-- has to cut at spaces; `ascii` leaves every character beyond ASCII alone.
--
-- caption, prompt (the parsed prompt), raw (the rest of the generation prompt) and file_name are
-- streams of tokens in the order of the text, so that phrases can be found. single_characters holds each
-- character of unspaced scripts once, marked with a leading "c", which makes a search for a lone 猫 quick.
CREATE VIRTUAL TABLE image_texts USING fts5 (
    caption, prompt, raw, file_name, single_characters,
    content = '',
    contentless_delete = 1,
    tokenize = 'ascii'
);
