-- What lets the program tell that stored bytes are those that were written: the starts of the store, hashes of parts of
-- originals, and the images that are known to be damaged. No row of an older step is rewritten.

-- One row for every start of the store. `epoch` is drawn at random, and `first_change` is the highest embedding_id that
-- had been given when the epoch began.
CREATE TABLE store_epochs (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch        BLOB    NOT NULL UNIQUE CHECK (length(epoch) = 16),
    first_change INTEGER NOT NULL
) STRICT;

-- The SHA-256 of every 256 KiB of an original in their order, joined. An image without a row gets one when its original
-- is read.
CREATE TABLE image_chunks (
    image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    hashes   BLOB NOT NULL CHECK (length(hashes) % 32 = 0)
) STRICT;

-- The images whose original differs from its hash. `found_at` counts microseconds since 1970-01-01T00:00:00Z.
CREATE TABLE image_damage (
    image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    found_at INTEGER NOT NULL
) STRICT;

-- The SHA-256 of `jpeg`. A thumbnail without one is made again when it is asked for.
ALTER TABLE image_thumbnails ADD COLUMN sha256 BLOB;

-- `commits` counts the transactions that have written. `scrub_after` is the last image that the running check of all
-- originals has read, and `scrub_finished` the time at which the last such check ended, 0 for none.
INSERT INTO store_facts (name, value) VALUES ('commits', 0), ('scrub_after', 0), ('scrub_finished', 0);
