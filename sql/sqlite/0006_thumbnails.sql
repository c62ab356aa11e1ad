-- Thumbnails that were made at upload or at their first request. Each can be made again from its image.
-- `size` is the longer edge that was asked for, in pixels.
CREATE TABLE image_thumbnails (
    image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    size     INTEGER NOT NULL CHECK (size > 0),
    jpeg     BLOB    NOT NULL,
    PRIMARY KEY (image_id, size)
) STRICT;
