-- Creates Mitsuke's user and gives it what it needs. A DBA runs this once with SQL*Plus or SQLcl, connected to the
-- pluggable database (FREEPDB1 in Oracle Database Free) as SYS with SYSDBA:
--
--   @grants.sql MITSUKE 'a-password'             the user's tablespace is USERS
--   @grants.sql MITSUKE 'a-password' DATA        the user's tablespace is DATA
--
-- On Autonomous Database, which has no SYS for its users and no tablespace USERS, ADMIN runs the script with the
-- tablespace DATA. For a DBA other than SYS, the two grants that only SYS can make may end with ORA-01031; Mitsuke
-- works without them.
--
-- DB_DEVELOPER_ROLE includes CREATE SESSION, CREATE TABLE, CREATE SEQUENCE (identity columns), CREATE JOB (the job that
-- optimizes the text indexes) and CTXAPP (Oracle Text).

DEFINE mitsuke_user = &1
DEFINE mitsuke_password = &2

-- The query without rows defines the third argument as empty where none was given, and leaves one that was given as it
-- is. The SQL*Plus guide describes NEW_VALUE only for queries with rows; many published scripts give arguments a default
-- in this way. The second query puts the default in its place.
COLUMN 3 NEW_VALUE 3 NOPRINT
SELECT NULL AS "3" FROM dual WHERE 1 = 0;

COLUMN mitsuke_tablespace NEW_VALUE mitsuke_tablespace NOPRINT
SELECT COALESCE('&3', 'USERS') AS mitsuke_tablespace FROM dual;

CREATE USER &mitsuke_user IDENTIFIED BY "&mitsuke_password"
    DEFAULT TABLESPACE &mitsuke_tablespace QUOTA UNLIMITED ON &mitsuke_tablespace;

GRANT DB_DEVELOPER_ROLE TO &mitsuke_user;

-- In most releases the role includes CREATE VIEW too; the grant makes sure of it.
GRANT CREATE VIEW TO &mitsuke_user;

-- Only SYS can make this grant, because CTXSYS is a schema of the database itself. The migrations make lexer
-- preferences with this package, and the job that optimizes the text indexes calls it; the role CTXAPP allows that as
-- well.
GRANT EXECUTE ON CTXSYS.CTX_DDL TO &mitsuke_user;

-- Only SYS can make this grant, which is optional: with it, `mitsuke doctor` sees the memory for vector indexes.
GRANT SELECT ON SYS.V_$VECTOR_MEMORY_POOL TO &mitsuke_user;
