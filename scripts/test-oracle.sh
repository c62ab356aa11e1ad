#!/bin/sh
# Runs the contract suite of the stores on a real Oracle Database 23ai, and prints a checklist of what the server confirms.
#
#   MITSUKE_TEST_ORACLE_USER=mitsuke_test MITSUKE_TEST_ORACLE_PASSWORD=… \
#   MITSUKE_TEST_ORACLE_DSN=localhost:1521/FREEPDB1 MITSUKE_TEST_ORACLE_ERASE=yes scripts/test-oracle.sh
#
# The user needs the grants of sql/oracle/grants.sql and a schema of its own: every case first erases all images in
# the schema. Oracle Instant Client has to be in LD_LIBRARY_PATH. Further arguments go to the tests, for example
# scripts/test-oracle.sh keywords::
#
# The checklist counts round trips where the user may see them, and says "not tried" otherwise:
#   GRANT SELECT ON SYS.V_$SESSTAT TO mitsuke_test; and the same for SYS.V_$STATNAME and SYS.V_$SESSION
set -eu
cd "$(dirname "$0")/.."

missing=
for name in MITSUKE_TEST_ORACLE_USER MITSUKE_TEST_ORACLE_PASSWORD MITSUKE_TEST_ORACLE_DSN; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || missing="$missing $name"
done
if [ -n "$missing" ]; then
    echo "Not set:$missing. The head of scripts/test-oracle.sh shows an example." >&2
    exit 2
fi
if [ "${MITSUKE_TEST_ORACLE_ERASE:-}" != yes ]; then
    echo "This erases every image in the schema of $MITSUKE_TEST_ORACLE_USER." >&2
    echo "Set MITSUKE_TEST_ORACLE_ERASE=yes if you want that." >&2
    exit 2
fi

# A failed migration or a finding of the doctor explains failures of the tests, so both run first.
DB_USER=$MITSUKE_TEST_ORACLE_USER DB_PASSWORD=$MITSUKE_TEST_ORACLE_PASSWORD DB_DSN=$MITSUKE_TEST_ORACLE_DSN \
    cargo run -q -- migrate
DB_USER=$MITSUKE_TEST_ORACLE_USER DB_PASSWORD=$MITSUKE_TEST_ORACLE_PASSWORD DB_DSN=$MITSUKE_TEST_ORACLE_DSN \
    cargo run -q -- doctor

# The cases run one after the other, because they share the schema. The checklist comes last and is printed, whether the
# cases pass or not.
run_cases() {
    cargo test -p mitsuke-store --features oracle-server --test oracle_server -- "$@"
}
failed=
run_cases --test-threads=1 --skip checklist "$@" || failed="the contract suite"
run_cases --exact --nocapture checklist || failed="${failed:+$failed and }the checklist"
if [ -n "$failed" ]; then
    echo "Not everything is as expected: see $failed above." >&2
    exit 1
fi
