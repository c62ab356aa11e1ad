-- The images whose original differs from its hash. FOUND_AT is a time in UTC.
CREATE TABLE IF NOT EXISTS image_damage (
    image_id NUMBER NOT NULL,
    found_at TIMESTAMP(6) NOT NULL,
    CONSTRAINT image_damage_pk PRIMARY KEY (image_id),
    CONSTRAINT image_damage_image FOREIGN KEY (image_id) REFERENCES images (image_id) ON DELETE CASCADE
);
