-- Originals that do not lie in image_contents. `home` is 1 for the folder of originals, where the file is named by the hash,
-- and 2 for a file that stays where it lies. `path` and `modified` (nanoseconds since 1970-01-01T00:00:00Z) are those of a
-- file in place. An image without a row has its original in the database, as before; no row of an older step is rewritten.
CREATE TABLE image_files (
    image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    home     INTEGER NOT NULL CHECK (home IN (1, 2)),
    path     TEXT CHECK ((path IS NOT NULL) = (home = 2)),
    modified INTEGER CHECK ((modified IS NOT NULL) = (home = 2))
) STRICT;

CREATE INDEX image_files_by_home ON image_files (home, image_id);

CREATE INDEX image_files_by_path ON image_files (path) WHERE path IS NOT NULL;

-- Hashes of originals whose image is gone and whose file is still to be removed from the folder. Nothing removes a file that
-- has no row here.
CREATE TABLE removed_files (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32)
) STRICT, WITHOUT ROWID;

-- `reason` is 0 for other bytes, 1 for a file that is not there and 2 for a file in place that has changed.
ALTER TABLE image_damage ADD COLUMN reason INTEGER NOT NULL DEFAULT 0 CHECK (reason BETWEEN 0 AND 2);
