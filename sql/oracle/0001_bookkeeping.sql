-- The table of applied migrations, and the rows that processes lock so that they take turns.
-- Every statement of these files can be run again. A line "-- passes over" names the errors that mean
-- "this is done already"; the statement after it ignores them. DDL commits each statement, so a migration that
-- stopped half-way is run again from its start.

-- Two processes may create this table at the same time.
-- passes over ORA-00955
CREATE TABLE IF NOT EXISTS mitsuke_schema (
    version    NUMBER(10)    NOT NULL CONSTRAINT mitsuke_schema_pk PRIMARY KEY,
    name       VARCHAR2(128) NOT NULL,
    applied_at TIMESTAMP(6)  NOT NULL
);

-- A process that migrates locks the row SCHEMA; one that registers or switches models locks the row MODELS
-- (SELECT … FOR UPDATE).
-- passes over ORA-00955
CREATE TABLE IF NOT EXISTS mitsuke_locks (
    name VARCHAR2(64) NOT NULL CONSTRAINT mitsuke_locks_pk PRIMARY KEY
);

-- passes over ORA-00001
INSERT INTO mitsuke_locks (name) VALUES ('SCHEMA');

-- passes over ORA-00001
INSERT INTO mitsuke_locks (name) VALUES ('MODELS');
