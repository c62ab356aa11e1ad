-- The folded form of each file name, which filters compare: instr() and LIKE know no case beyond ASCII, no composition of
-- characters and no kana. The program fills the column whenever its way of folding has changed (`segmentation_version`).
ALTER TABLE images ADD COLUMN file_name_folded TEXT NOT NULL DEFAULT '';

DROP INDEX images_newest;

CREATE INDEX images_newest ON images
    (upload_date, image_id, file_type, width, height, has_generation_prompt, file_name_folded, byte_count,
     generation_model, generation_sampler, generation_seed);
