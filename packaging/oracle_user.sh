#!/bin/bash
# Makes the user MITSUKE in a new database of compose.oracle.yaml, inside its container. The password goes through standard
# input, because other users could see it on a command line.
sqlplus -s -L / as sysdba <<SQL
WHENEVER SQLERROR EXIT FAILURE
ALTER SESSION SET CONTAINER = FREEPDB1;
@/opt/mitsuke/grants.sql MITSUKE "$MITSUKE_DB_PASSWORD"
EXIT
SQL
