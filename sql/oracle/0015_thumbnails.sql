-- Thumbnails that were made at upload or at their first request. Each can be made again from its image.
-- EDGE is the longer edge that was asked for, in pixels.
CREATE TABLE IF NOT EXISTS image_thumbnails (
    image_id NUMBER NOT NULL,
    edge     NUMBER(10) NOT NULL,
    jpeg     BLOB,
    CONSTRAINT image_thumbnails_pk PRIMARY KEY (image_id, edge),
    CONSTRAINT image_thumbnails_image FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);
