-- What a DBA gives Mitsuke's user, once, connected to the pluggable database (FREEPDB1 in Oracle Database Free).
-- Run it with SQL*Plus or SQLcl:  @grants.sql MITSUKE 'a-password'
--
-- DB_DEVELOPER_ROLE brings CREATE SESSION, CREATE TABLE, CREATE SEQUENCE (identity columns) and CTXAPP (Oracle Text).

DEFINE mitsuke_user = &1
DEFINE mitsuke_password = &2

CREATE USER &mitsuke_user IDENTIFIED BY "&mitsuke_password" DEFAULT TABLESPACE users QUOTA UNLIMITED ON users;

GRANT DB_DEVELOPER_ROLE TO &mitsuke_user;

-- The role has CREATE VIEW too in most releases; said here so that nothing depends on it.
GRANT CREATE VIEW TO &mitsuke_user;

-- Lexer preferences.
GRANT EXECUTE ON CTXSYS.CTX_DDL TO &mitsuke_user;

-- Optional: lets `mitsuke doctor` see the memory for vector indexes.
GRANT SELECT ON SYS.V_$VECTOR_MEMORY_POOL TO &mitsuke_user;
