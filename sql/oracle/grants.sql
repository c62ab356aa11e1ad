-- Creates Mitsuke's user and gives it what it needs. A DBA runs this once with SQL*Plus or SQLcl, connected to the
-- pluggable database (FREEPDB1 in Oracle Database Free):  @grants.sql MITSUKE 'a-password'
--
-- DB_DEVELOPER_ROLE includes CREATE SESSION, CREATE TABLE, CREATE SEQUENCE (identity columns) and CTXAPP (Oracle Text).

DEFINE mitsuke_user = &1
DEFINE mitsuke_password = &2

CREATE USER &mitsuke_user IDENTIFIED BY "&mitsuke_password" DEFAULT TABLESPACE users QUOTA UNLIMITED ON users;

GRANT DB_DEVELOPER_ROLE TO &mitsuke_user;

-- In most releases the role includes CREATE VIEW too; the grant makes sure of it.
GRANT CREATE VIEW TO &mitsuke_user;

-- The migrations make lexer preferences with this package.
GRANT EXECUTE ON CTXSYS.CTX_DDL TO &mitsuke_user;

-- This grant is optional: `mitsuke doctor` needs it to see the memory for vector indexes.
GRANT SELECT ON SYS.V_$VECTOR_MEMORY_POOL TO &mitsuke_user;
