-- How the vector index of each model is organized, and what has become of it. All processes read it here.
--
-- INDEX_ORGANIZATION is ivf, hnsw or none; NULL means ivf, which versions before made. The six columns after it hold
-- what an operator has chosen; NULL leaves the choice to the number of rows, the release, or the database.
-- INDEX_BUILT_ROWS is the number of rows over which the index was built, NULL when that is not known.
-- INDEX_COUNTED_AT is the time of the last count of the rows (UTC). INDEX_FAILED_AT and INDEX_FAILURE say when and why
-- the last build failed.
-- passes over ORA-01430
ALTER TABLE embedding_models ADD (
    index_organization   VARCHAR2(8),
    index_partitions     NUMBER(10),
    index_neighbors      NUMBER(10),
    index_efconstruction NUMBER(10),
    index_quantization   VARCHAR2(16),
    index_parallel       NUMBER(10),
    index_include_facts  CHAR(1),
    index_built_rows     NUMBER(19),
    index_counted_at     TIMESTAMP(6),
    index_failed_at      TIMESTAMP(6),
    index_failure        VARCHAR2(1000 CHAR)
);

-- The process that builds indexes or gathers statistics locks this row; the others do not wait for it.
-- passes over ORA-00001
INSERT INTO mitsuke_locks (name) VALUES ('INDEXES');
